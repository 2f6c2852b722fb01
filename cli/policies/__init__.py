"""Policies of buckets: what a deployment needs of one, and whether it has it."""
