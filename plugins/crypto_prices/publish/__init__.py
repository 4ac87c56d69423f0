"""Point the Glue Data Catalog's partitions at the versions that the warehouse holds."""
