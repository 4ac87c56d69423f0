"""A DAG with the same operators as the platform's DAGs, and nothing else. ``dev/bench/parse.py`` parses it."""

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from airflow.providers.amazon.aws.operators.glue import GlueJobOperator
from airflow.providers.amazon.aws.operators.redshift_data import RedshiftDataOperator
from airflow.providers.amazon.aws.sensors.glue_catalog_partition import GlueCatalogPartitionSensor
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG


class HelloOperator(AwsBaseOperator[S3Hook]):
    """Says hello."""

    aws_hook_class = S3Hook


with DAG("hello_world", schedule=None):
    (
        HelloOperator(task_id="hello")
        >> GlueJobOperator(task_id="glue", job_name="job")
        >> RedshiftDataOperator(task_id="redshift", sql="SELECT 1", database="crypto", workgroup_name="crypto")
        >> GlueCatalogPartitionSensor(task_id="catalog", table_name="prices")
        >> TriggerDagRunOperator(task_id="trigger", trigger_dag_id="hello_world")
    )
