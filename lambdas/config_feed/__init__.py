"""The Lambda that tells the edge which items of the configuration have changed (A9)."""
