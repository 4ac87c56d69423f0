"""Before and after the fetch: which window to load, and whether the warehouse already holds it."""
