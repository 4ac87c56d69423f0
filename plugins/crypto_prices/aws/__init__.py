"""What several steps use of AWS: the warehouse, the catalog, links to the console."""
