"""The `ovc` command."""
