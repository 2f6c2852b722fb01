"""LocalStack without Docker, as far as this project's stacks need it."""
