"""The Amazon provider's GlueCatalogPartitionSensor, for loads that may have no rows."""

from __future__ import annotations

from typing import Any

from airflow.providers.amazon.aws.sensors.glue_catalog_partition import GlueCatalogPartitionSensor
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields

from crypto_prices.xcom import task_results


class WaitForPartitionSensor(GlueCatalogPartitionSensor):
    """Waits until the catalog shows the window, unless the load left no row in it. It takes the provider's arguments.

    If all fetched records were rejected and a user accepted that, the window has no partition to wait for.
    """

    template_fields = aws_template_fields(*GlueCatalogPartitionSensor.template_fields)

    def execute(self, context: Any) -> Any:
        """Wait for the partition."""
        if not any(version.rows for version in task_results.report(context["ti"]).days.values()):
            self.log.info("The load has no rows, so there is no partition to wait for")
            return None
        return super().execute(context)
