"""The laptop's Redshift Serverless: Redshift SQL and the Data API over an embedded PostgreSQL."""
