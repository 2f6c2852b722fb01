"""Whole calls with audio, plain and encrypted, on one stand."""
