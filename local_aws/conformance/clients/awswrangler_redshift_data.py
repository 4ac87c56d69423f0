"""Reads the result of a statement with awswrangler over the Redshift Data API."""

import os

import awswrangler as wr

connection = wr.data_api.redshift.connect(
    workgroup_name=os.environ["CONFORMANCE_WORKGROUP"],
    database=os.environ["CONFORMANCE_DATABASE"],
    secret_arn=os.environ["CONFORMANCE_SECRET_ARN"],
)
frame = wr.data_api.redshift.read_sql_query("SELECT 7 AS n, 'x' AS t UNION ALL SELECT 8, NULL ORDER BY 1", connection)
print(list(frame.columns), frame["n"].tolist(), frame["t"].isna().tolist())
