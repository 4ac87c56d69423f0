"""AWS access that several steps share: the warehouse, the catalog and links to the console."""
