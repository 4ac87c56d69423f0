"""Step 3: load the curated files into Redshift. Schema migrations and the statements of the merge."""
