"""ReplayLoadsOperator against a lake and a warehouse in memory. tests/end_to_end/test_rebuild.py runs it in Airflow."""

from types import SimpleNamespace

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException, DagRunTriggerException
from crypto_prices.backfill.rebuild import Guess, Rebuild
from crypto_prices.backfill.replay_loads import ReplayLoadsOperator

from tests.support.load_records import FIRST, SECOND, THIRD

RECORDS = {record.load_number: record for record in (FIRST, SECOND, THIRD)}
GUESS = Guess("2024-01-01", "2024-01-02", ["binance"], ["s3://lake/m"])


class Rebuilding:
    """The task with its surroundings.

    Attributes:
        loaded: The loads that the warehouse has.
        rows: The batch and the time of each.
        manifests: The raw manifests that it has loaded.
        removals: The removals that the task replayed.
    """

    def __init__(self, monkeypatch, plan):
        self.loaded, self.manifests, self.removals, self.is_paused = [], [], [], False
        self.rows = {
            number: {"batch_id": record.batch_id, "merged_at": record.merged_at.replace("T", " ").rstrip("Z")}
            for number, record in RECORDS.items()
        }
        task = ReplayLoadsOperator(task_id="replay_loads")
        fields = {"_record": RECORDS.get, "_query": self.query}
        for name, value in fields.items():
            monkeypatch.setattr(task, name, value, raising=True)
        monkeypatch.setattr(task, "_statement", lambda name, record: record.load_number)
        monkeypatch.setattr(ReplayLoadsOperator, "_zone", SimpleNamespace(uri=lambda number: f"s3://lake/{number}"))
        monkeypatch.setattr(ReplayLoadsOperator, "warehouse", SimpleNamespace(execute_batch=self.remove))
        self.task = task
        planned = None if plan is None else plan.as_xcom()
        self.context = {
            "ti": SimpleNamespace(
                xcom_pull=lambda task_ids, key: planned,
                get_dag=lambda dag_id: SimpleNamespace(is_paused=self.is_paused),
            ),
            "dag_run": SimpleNamespace(dag_id="crypto_prices_backfill", run_id="manual__1"),
        }

    def query(self, name, last_load=None):
        if name == "find_loaded_manifests":
            return [{"raw_manifest": uri} for uri in self.manifests]
        assert name == "find_newest_load"
        found = [number for number in self.loaded if number <= last_load]
        return [{"load_number": number} | self.rows[number] for number in found[-1:]]

    def remove(self, statements):
        (number,) = set(statements)
        self.removals.append(number)
        self.loaded.append(number)

    def start(self):
        with pytest.raises(DagRunTriggerException) as started:
            self.task.execute(self.context)
        return started.value

    def end(self, run, state="success"):
        event = ("trigger", {"run_ids": [run.dag_run_id], run.dag_run_id: state})
        return self.task.execute_complete(self.context, event)

    def go_on(self, run):
        with pytest.raises(DagRunTriggerException) as started:
            self.end(run)
        return started.value


def test_loads_follow_each_other_and_the_task_replays_removals_itself(monkeypatch):
    rebuilding = Rebuilding(monkeypatch, Rebuild(3, [GUESS]))
    first = rebuilding.start()
    assert (first.trigger_dag_id, first.conf["load_record"]) == ("crypto_prices_window", "s3://lake/1")
    assert (first.wait_for_completion, first.deferrable, first.reset_dag_run) == (True, True, True)
    rebuilding.loaded.append(1)
    second = rebuilding.go_on(first)
    assert second.conf["load_record"] == "s3://lake/2"
    rebuilding.loaded.append(2)
    guess = rebuilding.go_on(second)
    assert (guess.conf["raw_manifests"], rebuilding.removals) == (GUESS.raw_manifests, [3])
    rebuilding.manifests += GUESS.raw_manifests
    assert rebuilding.end(guess) is None


def test_a_cleared_task_continues_with_the_next_load(monkeypatch):
    rebuilding = Rebuilding(monkeypatch, Rebuild(3, []))
    rebuilding.loaded.append(1)
    assert rebuilding.start().conf["load_record"] == "s3://lake/2"
    rebuilding.loaded += [2, 3]
    assert rebuilding.task.execute(rebuilding.context) is None


def test_a_failed_load_stops_the_rebuild(monkeypatch):
    rebuilding = Rebuilding(monkeypatch, Rebuild(3, []))
    run = rebuilding.start()
    with pytest.raises(AirflowFailException, match=f"{run.dag_run_id} of crypto_prices_window failed"):
        rebuilding.end(run, "failed")


def test_a_run_that_loads_nothing_does_not_start_again_for_ever(monkeypatch):
    rebuilding = Rebuilding(monkeypatch, Rebuild(3, []))
    run = rebuilding.start()
    with pytest.raises(AirflowFailException, match="ended without its load"):
        rebuilding.end(run)


def test_a_paused_dag_does_not_leave_the_rebuild_waiting(monkeypatch):
    rebuilding = Rebuilding(monkeypatch, Rebuild(3, []))
    rebuilding.is_paused = True
    with pytest.raises(AirflowFailException, match="crypto_prices_window is paused"):
        rebuilding.task.execute(rebuilding.context)


def test_a_backfill_that_asks_the_exchanges_replays_nothing(monkeypatch):
    rebuilding = Rebuilding(monkeypatch, None)
    with pytest.raises(AirflowSkipException):
        rebuilding.task.execute(rebuilding.context)


@pytest.mark.parametrize("loaded", [[1, 2], [1, 2, 3], [1, 2, 3, 4, 5]])
def test_a_load_of_another_run_that_has_taken_a_number_stops_the_rebuild(monkeypatch, loaded):
    rebuilding = Rebuilding(monkeypatch, Rebuild(3, []))
    rebuilding.loaded += loaded
    rebuilding.rows[min(loaded[-1], 3)]["batch_id"] = "another"
    with pytest.raises(AirflowFailException, match=r"is batch another, .*, but its record is of batch"):
        rebuilding.task.execute(rebuilding.context)


def test_a_removal_of_other_candles_that_has_taken_a_number_stops_the_rebuild(monkeypatch):
    """Two removals with the same number have the same batch."""
    rebuilding = Rebuilding(monkeypatch, Rebuild(3, []))
    rebuilding.loaded += [1, 2, 3]
    rebuilding.rows[3]["merged_at"] = "2024-02-01 10:00:00"
    with pytest.raises(AirflowFailException, match="a user has removed candles"):
        rebuilding.task.execute(rebuilding.context)
