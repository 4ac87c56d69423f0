"""Step 4: point the Glue Data Catalog's partitions at the versions that the warehouse holds."""
