"""The operators of the DAG crypto_prices_marts, with the warehouse of the local AWS."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.providers.common.compat.sdk import AirflowSkipException
from crypto_prices.marts.refresh import Refresh
from crypto_prices.task_statements import REFRESH_MARTS

from tests.support.tasks import TaskInstance

DAG_ID = "crypto_prices_marts"
LOAD = (
    "INSERT INTO crypto.load_log (load_number, source, batch_id, window_start, window_end, market_set, "
    "candle_interval, merged_at, forced) "
    "VALUES ({number}, 'binance', 'batch', '2023-12-18', '2023-12-20', 'set', '1h', GETDATE(), FALSE)"
)


@pytest.fixture(scope="module")
def dag() -> Any:
    """Parse the DAG."""
    return DagBag(dag_folder=Path(__file__).parents[4] / "dags" / f"{DAG_ID}.py").dags[DAG_ID]


@pytest.fixture
def marts(warehouse):
    """A warehouse with two loads that the marts lack."""
    warehouse.execute_batch(
        [
            "DELETE FROM crypto.load_log",
            "UPDATE crypto.mart_state SET through_load = 0, marts_digest = ''",
            *(LOAD.format(number=number) for number in (1, 2)),
        ]
    )
    return warehouse


@pytest.fixture
def context(make_context):
    """The context of a run."""
    made = make_context()
    made["params"] = {"full_refresh": False}
    made["dag_run"] = SimpleNamespace(dag_id=DAG_ID, run_id="run_1", conf={})
    return made


@pytest.fixture
def refresh(marts, make_task, context):
    """Return a function that plans a refresh, runs its statements, and returns the plan."""

    def run(**params: Any) -> Refresh:
        context["params"] = {"full_refresh": False} | params
        found = make_task("plan_refresh", context).execute(context)
        # Each try of a task has its own task instance, and reads its XComs once.
        context["ti"] = TaskInstance({"plan_refresh": found})
        statements = make_task("refresh_marts", context).sql
        assert len(statements) == len(REFRESH_MARTS)
        marts.execute_batch(statements)
        return Refresh(**found)

    return run


def test_the_tasks_refresh_the_marts_and_then_have_nothing_to_do(refresh, marts, task_log):
    assert refresh().full
    assert "Full refresh of all days, up to load 2: the marts were never filled" in task_log.text
    with pytest.raises(AirflowSkipException, match="every load up to load 2"):
        refresh()
    marts.execute_batch([LOAD.format(number=3)])
    added = refresh()
    assert (added.full, added.after_load, added.through_load) == (False, 2, 3)
    assert "Refresh of 2023-12-18 to 2023-12-19, up to load 3: new loads: 1" in task_log.text
    assert refresh(full_refresh=True).full


def test_the_number_of_missing_loads_goes_to_cloudwatch(refresh, marts, make_task, context, aws):
    refresh()
    marts.execute_batch([LOAD.format(number=number) for number in (3, 4)])
    assert make_task("report_freshness", context).execute(context) == 2
    (found,) = aws.client("cloudwatch").get_metric_statistics(
        Namespace="CryptoPrices",
        MetricName="MartsLoadsBehind",
        Dimensions=[{"Name": "Dag", "Value": DAG_ID}],
        StartTime=datetime.now(UTC) - timedelta(hours=1),
        EndTime=datetime.now(UTC) + timedelta(hours=1),
        Period=7200,
        Statistics=["Maximum"],
    )["Datapoints"]
    assert found["Maximum"] == 2
