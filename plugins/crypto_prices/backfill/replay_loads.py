"""The operator that rebuilds the warehouse from the lake, one load after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException, DagRunTriggerException
from crypto_prices_contract.load_record import LoadRecord

from crypto_prices.aws.redshift_data import Value
from crypto_prices.aws.warehouse_operator import WarehouseOperator
from crypto_prices.backfill.plan_backfill import REBUILD
from crypto_prices.backfill.rebuild import START_OVER, Guess, Rebuild, difference_from_record
from crypto_prices.backfill.window_run import RUN_WINDOWS, guess_run, replay_run
from crypto_prices.records.record_zone import RecordZone
from crypto_prices.task_statements import REPLAY_REMOVAL
from crypto_prices.xcom.parse_result import parse_result

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

_FAILED = "failed"
_PLAN = "plan_backfill"


class ReplayLoadsOperator(WarehouseOperator):
    """Replays the loads of a rebuild's plan in the order of their numbers, each as a run of ``crypto_prices_window``.

    What is next comes from the warehouse, so a cleared task and a second backfill go on where the first one ended. The
    newest load must be that of its record, because another load or removal may have taken its number. A load needs the
    rows and the catalog's versions that the one before left, so the runs follow each other. The task starts one, waits
    without a worker, and starts the next one, like a TriggerDagRunOperator that starts again. That way, a failed load
    stops the rebuild. A removal is replayed by this task itself.

    The statements are in ``rebuild/`` in the DAG's ``template_searchpath``.
    """

    def execute(self, context: Context) -> None:
        """Replay removals until the next load, and start its run.

        Raises:
            AirflowSkipException: The backfill asks the exchanges.
            DagRunTriggerException: Always, if a load is left. Airflow starts the run, and calls ``execute_complete``
                after it has ended.
        """
        if context["ti"].xcom_pull(task_ids=_PLAN, key=REBUILD) is None:
            raise AirflowSkipException("the backfill does not rebuild the warehouse")
        self._continue(context, started=None)

    def execute_complete(self, context: Context, event: tuple[str, dict[str, Any]]) -> None:
        """Go on after the run of a load.

        Raises:
            AirflowFailException: The run failed, or loaded nothing.
        """
        _, ended = event
        (run_id,) = ended["run_ids"]
        if ended.get(run_id) == _FAILED:
            raise AirflowFailException(
                f"run {run_id} of {RUN_WINDOWS['trigger_dag_id']} failed, so the rebuild stops: correct the cause and "
                "clear this task. The rebuild continues with this load"
            )
        self._continue(context, started=run_id)

    def _continue(self, context: Context, *, started: str | None) -> None:
        starter = context["dag_run"]
        rebuild = parse_result(Rebuild, context["ti"].xcom_pull(task_ids=_PLAN, key=REBUILD), _PLAN)
        while (number := self._newest_load(rebuild.last_load) + 1) <= rebuild.last_load:
            record = self._record(number)
            if record.kind == "load":
                run = replay_run(starter.dag_id, starter.run_id, record, self._zone.uri(number))
                self._start(context, run, started)
            self.warehouse.execute_batch([self._statement(file, record=record) for file in REPLAY_REMOVAL])
            self.log.info("Replayed removal %d", number)
        if guess := self._next_guess(rebuild):
            self._start(context, guess_run(starter.dag_id, starter.run_id, guess), started)
        self.log.info("The warehouse has all loads up to %d", rebuild.last_load)

    def _start(self, context: Context, run: dict[str, Any], started: str | None) -> None:
        if run["trigger_run_id"] == started:
            raise AirflowFailException(f"run {started} ended without its load: its tasks' logs have the reason")
        dag_id = RUN_WINDOWS["trigger_dag_id"]
        if context["ti"].get_dag(dag_id).is_paused:
            raise AirflowFailException(f"{dag_id} is paused: unpause it, and clear this task")
        raise DagRunTriggerException(
            trigger_dag_id=dag_id,
            dag_run_id=run["trigger_run_id"],
            conf=run["conf"],
            note=run["note"],
            logical_date=RUN_WINDOWS["logical_date"],
            reset_dag_run=RUN_WINDOWS["reset_dag_run"],
            skip_when_already_exists=False,
            wait_for_completion=RUN_WINDOWS["wait_for_completion"],
            allowed_states=["success"],
            failed_states=[_FAILED],
            poke_interval=RUN_WINDOWS["poke_interval"],
            deferrable=RUN_WINDOWS["deferrable"],
        )

    @property
    def _zone(self) -> RecordZone:
        return RecordZone(self.s3_client, self.settings.s3_bucket)

    def _record(self, number: int) -> LoadRecord:
        content = self._zone.read(number)
        if content is None:
            raise AirflowFailException(f"{self._zone.uri(number)} is missing: restore the object, and clear this task")
        return LoadRecord.from_bytes(self._zone.uri(number), content)

    def _newest_load(self, last_load: int) -> int:
        """Return the number of the newest load that has a record. It must be the load of that record."""
        newest = 0
        for row in self._query("find_newest_load", last_load=last_load):
            newest = int(row["load_number"] or 0)
            if difference := difference_from_record(row, self._record(newest)):
                raise AirflowFailException(
                    f"{difference}: another run has loaded something during the rebuild, or a user has removed "
                    f"candles. {START_OVER}"
                )
        return newest

    def _next_guess(self, rebuild: Rebuild) -> Guess | None:
        loaded = {row["raw_manifest"] for row in self._query("find_loaded_manifests")} if rebuild.guesses else set()
        return next((guess for guess in rebuild.guesses if not loaded >= set(guess.raw_manifests)), None)

    def _query(self, name: str, **values: Any) -> list[dict[str, Value]]:
        return self.warehouse.query(self._statement(f"rebuild/{name}.sql", **values))

    def _statement(self, name: str, **values: Any) -> str:
        return self.get_template_env().get_template(name).render(**values)
