"""``python -m dev data-dictionary``: the data dictionary as a page of the documentation."""
