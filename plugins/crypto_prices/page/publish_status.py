"""The operator that publishes what the page *Crypto prices* shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.glue import GlueJobHook
from airflow.providers.common.compat.sdk import AirflowFailException

from crypto_prices.aws.redshift_data import Value
from crypto_prices.aws.warehouse_operator import WarehouseOperator
from crypto_prices.backfill.read_glue_job import read_glue_runs
from crypto_prices.counted import counted
from crypto_prices.page.documents import PageTooLargeError, Surroundings, page_documents
from crypto_prices.page.snapshot import read_snapshot

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class PublishStatusOperator(WarehouseOperator):
    """Writes the state of all days, the coverage and the candles to XCom, as JSON documents.

    The page reads them through Airflow's REST API, with the permissions of its viewer. The API server itself never
    calls AWS. A cleared task writes the same documents again, except for what other loads have changed since.

    The statements are in ``status/`` in the DAG's ``template_searchpath``.
    """

    def execute(self, context: Context) -> None:
        """Write the documents. ``status`` is the last, so that it only names documents that exist.

        Raises:
            AirflowFailException: There are too many markets for XComs.
        """
        settings = self.settings
        snapshot = read_snapshot(self._query)
        if snapshot is None:
            self.log.info("The warehouse has no load, so there is nothing to publish")
            return
        glue_client = GlueJobHook(aws_conn_id=self.aws_conn_id, region_name=self.region_name).conn
        around = Surroundings.of(settings, read_glue_runs(glue_client, settings.glue_job_name))
        try:
            documents = page_documents(snapshot, around)
        except PageTooLargeError as error:
            raise AirflowFailException(str(error)) from error
        sizes = {key: len(document.encode()) for key, document in documents.items()}
        for key in sorted(documents, key=lambda key: key == "status"):
            context["ti"].xcom_push(key=key, value=documents[key])
        self.log.info(
            "Published %s in %s, the largest with %d bytes",
            counted(sum(sizes.values()), "byte"),
            counted(len(sizes), "document"),
            max(sizes.values()),
        )

    def _query(self, name: str, **values: Any) -> list[dict[str, Value]]:
        template = self.get_template_env().get_template(name)
        return self.warehouse.query(template.render(settings=lambda: self.settings, **values))
