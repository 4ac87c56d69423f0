"""The control planes that moto does not have: Redshift Serverless and Amazon MWAA."""
