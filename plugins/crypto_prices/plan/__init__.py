"""Planning before and after the fetch: the window to load, and whether the warehouse already holds its content."""
