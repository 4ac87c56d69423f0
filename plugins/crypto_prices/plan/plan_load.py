"""The operator that plans a run's load, and skips it if the warehouse already holds exactly this content."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.providers.common.compat.sdk import AirflowFailException, SkipMixin
from crypto_prices_contract.load_record import LoadRecord

from crypto_prices.aws.s3_objects import read_object
from crypto_prices.aws.warehouse_operator import WarehouseOperator
from crypto_prices.market_sets import market_chunks
from crypto_prices.plan.expected_markets import ExpectedMarket, write_expected_markets
from crypto_prices.plan.skip_reason import EmptyWindowError, reason_to_skip
from crypto_prices.task_statements import WRITE_MARKETS
from crypto_prices.xcom import task_results
from crypto_prices.xcom.batch import Batch, missing_sources
from crypto_prices.xcom.replay import Replay

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class PlanLoadOperator(WarehouseOperator, SkipMixin):
    """Names the batch of a run, or skips the rest of the run if there is nothing to load.

    The skip is a short circuit: this task succeeds, and all tasks after it are skipped. A run is never skipped if an
    exchange returned candles and the run was cleared, or started with the param ``reload`` or ``force``.

    If a source was not fetched, the other sources are loaded anyway, and ``require_sources`` fails. The task returns
    the batch as a dict. The XCom ``skipped_because`` has the reason for a skip.

    First, the fetched markets are written to ``crypto.market_sets``, unless they are there. The statements are in
    ``plan/`` in the DAG's ``template_searchpath``. All other statements of the run name the sets. The markets of the
    run, also of sources that were not fetched, are written to ``crypto.expected_markets``.

    Args:
        sql: Statement that finds the current loads (templated, sql/plan/find_current_loads.sql).
        empty_sql: Statements for a window without fetched records (templated).
        reload: Load even what the warehouse already holds (templated; ``True`` as a string or bool).
        load_record: S3 URI of the record of the committed load that the run replays (templated); empty for a new load.
            A replay is never skipped.
    """

    template_fields: Sequence[str] = aws_template_fields("sql", "empty_sql", "reload", "load_record")
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"sql": "sql", "empty_sql": "sql"}

    def __init__(
        self, *, sql: str, empty_sql: Sequence[str], reload: Any = False, load_record: str = "", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.sql = sql
        self.empty_sql = empty_sql
        self.reload = reload
        self.load_record = load_record

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the batch to load.

        Raises:
            AirflowFailException: Nothing was fetched, but the warehouse has rows in the window. Or there is nothing to
                load, but a source was not fetched. Or the run cannot replay its load.
        """
        ti, dag_run = context["ti"], context["dag_run"]
        batch = Batch.of_run(dag_run.dag_id, dag_run.run_id, task_results.window(ti), task_results.fetched(ti))
        if self.load_record:
            batch = batch.replaying(self._replay())
            if missing := missing_sources(task_results.sources(ti), batch):
                raise AirflowFailException(missing)
            self._write_markets(batch)
            self.log.info("Replaying batch %s: %d records to curate and load", batch.batch_id, batch.records)
            return batch.as_xcom()
        self._write_markets(batch)
        expected = [ExpectedMarket.of_row(row) for row in task_results.expected_markets(ti)]
        write_expected_markets(self.warehouse, self._statement, expected)
        published = self.catalog.published_days(batch.window)
        try:
            reason = reason_to_skip(batch, self.warehouse.query(self.sql), published)
        except EmptyWindowError as error:
            raise AirflowFailException(str(error)) from error
        cleared = bool(getattr(dag_run, "clear_number", 0))
        reload = str(self.reload).lower() == "true"
        if reason and batch.records and (cleared or reload):
            why = "reload or force is set" if reload else "the run was cleared"
            self.log.info("Loading anyway, because %s: %s", why, reason)
        elif reason and (missing := missing_sources(task_results.sources(ti), batch)):
            # After a skip, the run would be successful.
            raise AirflowFailException(f"{missing}. The other sources have nothing to load: {reason}")
        elif reason:
            if not batch.records:
                self.warehouse.execute_batch(self.empty_sql)
            ti.xcom_push(key="skipped_because", value=reason)
            self.log.info("Nothing to load: %s", reason)
            # The teardown follows its setup, so it is not skipped here. ShortCircuitOperator does the same.
            self.skip(ti, [task for task in self.get_flat_relatives(upstream=False) if not task.is_teardown])
        self.log.info("Batch %s: %d records to curate and load", batch.batch_id, batch.records)
        return batch.as_xcom()

    def _replay(self) -> Replay:
        content, _ = read_object(self.s3_client, self.load_record)
        if content is None:
            raise AirflowFailException(f"the load record {self.load_record} is missing: restore the object")
        try:
            return Replay.of_record(LoadRecord.from_bytes(self.load_record, content))
        except ValueError as error:
            raise AirflowFailException(str(error)) from error

    def _write_markets(self, batch: Batch) -> None:
        """Write the market sets of the batch. If an earlier try wrote a part of a set, the rest is added."""
        for name, markets in {fetched.market_set: fetched.markets for fetched in batch.sources}.items():
            (counted,) = self.warehouse.query(self._statement("plan/count_market_set.sql", market_set=name))
            if counted["market_total"] == len(markets):
                continue
            self.log.info("Writing market set %s with %d markets", name, len(markets))
            for chunk in market_chunks(markets):
                self.warehouse.execute_batch(
                    [self._statement(file, market_set=name, markets=chunk) for file in WRITE_MARKETS]
                )

    def _statement(self, name: str, **values: Any) -> str:
        return self.get_template_env().get_template(name).render(**values)
