"""Mixed calls for a long time against the shipped edge: nothing may be left behind."""
