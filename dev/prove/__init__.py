"""``python -m dev prove``: applies terraform/ to the local AWS and runs the platform on the result."""
