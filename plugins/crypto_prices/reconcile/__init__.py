"""Compare the counts of every step."""
