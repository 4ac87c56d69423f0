"""Runs statements with RedshiftDataOperator, and stores, finds and deletes objects with S3Hook."""

import os
import tempfile

os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="airflow-")
os.environ["AIRFLOW_CONN_AWS_DEFAULT"] = "aws://"
os.environ["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "ERROR"

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.amazon.aws.operators.redshift_data import RedshiftDataOperator

bucket, prefix = os.environ["CONFORMANCE_BUCKET"], os.environ["CONFORMANCE_PREFIX"]
operator = RedshiftDataOperator(
    task_id="ask",
    sql="SELECT 7 AS n",
    workgroup_name=os.environ["CONFORMANCE_WORKGROUP"],
    database=os.environ["CONFORMANCE_DATABASE"],
    secret_arn=os.environ["CONFORMANCE_SECRET_ARN"] or None,
    poll_interval=1,
    return_sql_result=True,
    durable=False,
)
(result,) = operator.execute({})
print(result["Records"])
hook = S3Hook()
hook.load_string("abc", f"{prefix}/airflow/a", bucket, replace=True)
print(hook.check_for_key(f"{prefix}/airflow/a", bucket), hook.read_key(f"{prefix}/airflow/a", bucket))
print(hook.list_keys(bucket, prefix=f"{prefix}/airflow/a") == [f"{prefix}/airflow/a"])
hook.delete_objects(bucket, [f"{prefix}/airflow/a"])
print(hook.check_for_key(f"{prefix}/airflow/a", bucket))
