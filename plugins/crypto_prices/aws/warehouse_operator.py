"""The base of the operators that query the warehouse."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
from airflow.providers.amazon.aws.hooks.glue_catalog import GlueCatalogHook
from airflow.providers.amazon.aws.hooks.redshift_data import RedshiftDataHook
from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from botocore.exceptions import BotoCoreError, ClientError

from crypto_prices.aws.catalog import NO_RETRIES, Catalog
from crypto_prices.aws.redshift_data import RedshiftDataClient
from crypto_prices.settings import Settings, load_settings

METRIC_NAMESPACE = "CryptoPrices"
"""CloudWatch namespace of the metrics."""

_MOST_METRICS = 1000
"""Metrics per PutMetricData call. https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html"""


class WarehouseOperator(AwsBaseOperator[RedshiftDataHook]):
    """Provides the settings, the warehouse, the catalog and S3 to its subclasses. A killed task cancels its statement.

    Each is created on first use in the task, because Airflow creates operators whenever it parses a DAG file.
    """

    aws_hook_class = RedshiftDataHook

    @cached_property
    def settings(self) -> Settings:
        """The bundle's settings, read when the task first needs them."""
        return load_settings()

    @cached_property
    def warehouse(self) -> RedshiftDataClient:
        """A client of the warehouse in the settings."""
        return RedshiftDataClient(
            self.hook.conn,
            workgroup=self.settings.redshift_workgroup,
            database=self.settings.redshift_database,
            secret_arn=self.settings.redshift_secret_arn,
        )

    @cached_property
    def catalog(self) -> Catalog:
        """The catalog's curated table in the settings."""
        place = {"aws_conn_id": self.aws_conn_id, "region_name": self.region_name}
        return Catalog(
            GlueCatalogHook(**place).conn,
            self.settings.catalog_database,
            self.settings.catalog_table,
            write_client=GlueCatalogHook(**place, config=NO_RETRIES).conn,
        )

    @cached_property
    def s3_client(self) -> Any:
        """A boto3 S3 client."""
        return S3Hook(aws_conn_id=self.aws_conn_id, region_name=self.region_name).conn

    def send_metrics(self, data: list[dict[str, Any]]) -> None:
        """Send metrics to CloudWatch. A failure to send them does not fail the task, because its log has the figures.

        Args:
            data: The ``MetricData`` of PutMetricData, of any length.
        """
        hook = AwsBaseHook(aws_conn_id=self.aws_conn_id, region_name=self.region_name, client_type="cloudwatch")
        client: Any = hook.conn
        try:
            for first in range(0, len(data), _MOST_METRICS):
                client.put_metric_data(Namespace=METRIC_NAMESPACE, MetricData=data[first : first + _MOST_METRICS])
        except (BotoCoreError, ClientError) as error:
            self.log.warning("CloudWatch rejected the task's metrics: %s", error)

    def on_kill(self) -> None:
        """Cancel the running statement."""
        if "warehouse" in self.__dict__:
            self.warehouse.cancel()
