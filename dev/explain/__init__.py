"""``make explain``: the receipt of a number."""
