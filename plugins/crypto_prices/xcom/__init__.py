"""The data that tasks pass to each other, and the functions that read it."""
