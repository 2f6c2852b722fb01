"""The Lambda that does what takes time with phone numbers: orders, purges, calling names."""
