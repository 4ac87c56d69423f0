"""Step 2: run the Glue job that turns raw responses into Parquet, and check its report."""
