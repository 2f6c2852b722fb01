"""The management Lambda: cold import, warm handler, size."""
