"""Load the curated files into Redshift: schema migrations and the statements of the merge."""
