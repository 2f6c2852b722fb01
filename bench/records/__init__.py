"""How long a record takes from the end of its call to the bucket, and how many a second."""
