"""The Lambda that keeps the DNS records of the edge in line with its nodes (A11)."""
