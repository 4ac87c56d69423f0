"""Signs in on the warehouse's port with redshift_connector, and runs statements in Redshift's SQL."""

import json
import os
import sys

import boto3
import redshift_connector

NOT_AVAILABLE = 77
secret = os.environ["CONFORMANCE_SECRET_ARN"]
if not secret:
    print("CONFORMANCE_SECRET_ARN is not set, so there is no password to sign in with")
    sys.exit(NOT_AVAILABLE)
login = json.loads(boto3.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"])
if port := os.environ.get("CONFORMANCE_WAREHOUSE_PORT"):
    endpoint = {"host": "127.0.0.1", "port": int(port), "ssl": False}
else:
    workgroup = boto3.client("redshift-serverless").get_workgroup(workgroupName=os.environ["CONFORMANCE_WORKGROUP"])
    address = workgroup["workgroup"]["endpoint"]
    endpoint = {"host": address["address"], "port": address["port"]}
try:
    connection = redshift_connector.connect(
        **endpoint,
        database=os.environ["CONFORMANCE_DATABASE"],
        user=login["username"],
        password=login["password"],
        timeout=30,
    )
except Exception as error:  # noqa: BLE001 - the connector raises whatever its parsers raise
    sys.exit(f"the sign-in failed: {type(error).__name__}: {error}")
with connection, connection.cursor() as cursor:
    cursor.execute("CREATE TEMP TABLE t (a decimal(8,2), b decimal(8,2), c varchar(10))")
    cursor.execute("INSERT INTO t VALUES (%s, %s, %s)", (1, 4, "x"))
    cursor.execute(
        "SELECT a / b AS quotient, NVL(c, 'none') AS c, DATEDIFF(day, '2024-01-01', '2024-01-31') AS d FROM t"
    )
    print([column[0] for column in cursor.description])
    print([str(value) for value in cursor.fetchone()])
