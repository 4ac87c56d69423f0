"""``python -m dev doctor``: check whether the platform can run on this machine."""
