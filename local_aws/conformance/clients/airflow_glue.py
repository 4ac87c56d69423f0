"""Runs a Glue job with the Amazon provider: GlueJobOperator waits for it, and GlueJobSensor finds that it has ended."""

import os
import tempfile
from unittest.mock import Mock

os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="airflow-")
os.environ["AIRFLOW_CONN_AWS_DEFAULT"] = "aws://"
os.environ["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "ERROR"

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.amazon.aws.operators.glue import GlueJobOperator
from airflow.providers.amazon.aws.sensors.glue import GlueJobSensor

bucket, prefix = os.environ["CONFORMANCE_BUCKET"], os.environ["CONFORMANCE_PREFIX"]
name, key = f"{prefix}-airflow", f"{prefix}/airflow/job.py"
S3Hook().load_string(
    "from pyspark.sql import SparkSession\nprint(SparkSession.builder.getOrCreate().range(3).count())\n",
    key,
    bucket,
    replace=True,
)
operator = GlueJobOperator(
    task_id="run",
    job_name=name,
    script_location=f"s3://{bucket}/{key}",
    iam_role_name=os.environ["CONFORMANCE_ROLE_NAME"],
    create_job_kwargs={"GlueVersion": "6.0", "NumberOfWorkers": 2, "WorkerType": "G.1X"},
    job_poll_interval=2,
    wait_for_completion=True,
)
try:
    run = operator.execute({"ti": Mock(), "task_instance": Mock()})
    print("waited for the run", run.startswith("jr_"))
    sensor = GlueJobSensor(task_id="find", job_name=name, run_id=run)
    print("the sensor found", sensor.poke({}))
finally:
    operator.hook.conn.delete_job(JobName=name)
