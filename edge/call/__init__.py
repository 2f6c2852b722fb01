"""Calls: two legs that exchange typed events, joined by one state table."""
