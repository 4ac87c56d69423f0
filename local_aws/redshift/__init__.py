"""The Redshift Data API and Redshift SQL, executed by an embedded PostgreSQL."""
