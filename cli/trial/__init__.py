"""A deployment on trial: what `ovc smoke` makes, asks and takes away again."""
