"""``python -m dev terraform-check``: check format, validity and rules of terraform/."""
