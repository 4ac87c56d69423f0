"""``python -m dev terraform-check``: format, validity and rules of terraform/."""
