"""``python -m dev prove``: apply terraform/ to the local AWS, run the platform on it, and destroy it."""
