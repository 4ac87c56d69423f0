"""``python -m dev sql``: query the warehouse, whether or not a local AWS is running."""
