"""The Lambda that closes the calls of nodes that died, and writes their records (EDGE C9)."""
