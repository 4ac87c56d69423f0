"""PlanBackfillOperator of the DAG crypto_prices_backfill, with a warehouse of the local AWS."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.providers.amazon.aws.hooks.glue import GlueJobHook
from airflow.providers.common.compat.sdk import AirflowFailException
from crypto_prices.backfill.plan_backfill import LEFT_OUT
from crypto_prices.fetch.sources import _SOURCES
from crypto_prices.fetch.sources.binance import BinanceSource
from crypto_prices_contract.window import Window

from tests.support.tasks import insert_load

JANUARY = Window(date(2024, 1, 1), date(2024, 2, 1))
DAG_ID = "crypto_prices_backfill"
JOB = "operators-test-plans"


@pytest.fixture(scope="session")
def dag():
    return DagBag(dag_folder=Path(__file__).parents[4] / "dags" / f"{DAG_ID}.py").dags[DAG_ID]


@pytest.fixture
def job(aws):
    """A new Glue job without finished runs."""
    glue, names = aws.client("glue"), aws.names
    script = {"Name": "glueetl", "ScriptLocation": f"s3://{names['bucket']}/glue/none.py", "PythonVersion": "3"}
    size = {"GlueVersion": "6.0", "WorkerType": "G.1X", "NumberOfWorkers": 2}
    glue.create_job(Name=JOB, Role=names["glue_role_arn"], Command=script, **size)
    aws.change(glue_job_name=JOB)
    yield glue
    glue.delete_job(JobName=JOB)


@pytest.fixture
def settings(aws, warehouse, job, monkeypatch):
    """Settings with two sources, one of which has two markets."""
    monkeypatch.setitem(_SOURCES, "otherex", type("OtherExchange", (BinanceSource,), {"name": "otherex"}))
    api_url = f"{aws.names['endpoint']}/exchange/binance"
    aws.change(
        sources={
            "binance": {"symbols": ["BTCUSDT", "ETHUSDT"], "api_url": api_url},
            "otherex": {"symbols": ["SOLUSDT"], "api_url": api_url},
        }
    )
    return aws


@pytest.fixture
def plan(settings, dag, make_task, make_context):
    """Return a function that runs the task with a run's params, and returns the runs to start and the plan as text."""

    def run(run_id="manual__1", **params):
        context = make_context(run_id=run_id) | {"dag": dag}
        context["dag_run"].conf = params
        defaults = {name: dag.params[name] for name in dag.params if dag.params.get_param(name).has_value}
        context["params"] = defaults | {"start": "2024-01-01", "end": "2024-02-01"} | params
        run.pushed = context["ti"].pushed
        result = make_task("plan_backfill", context).execute(context)
        return result, context["ti"].pushed["plan"]

    return run


def test_a_backfill_cannot_be_forced(settings, plan):
    with pytest.raises(AirflowFailException, match="unknown params: force"):
        plan(force=True)


@pytest.fixture
def loaded(warehouse):
    """Return a function that puts a load with one candle per day of both binance markets into the warehouse."""
    markets = ("BTC", "ETH")

    def insert(batch_id, first, last, *, number=1, status="loaded", recorded_at="2024-02-01"):
        days = [day for day in JANUARY.days() if first <= day.day <= last]
        rows = len(days) * len(markets)
        end = (days[-1] + timedelta(days=1)).isoformat()
        metadata = (batch_id, "binance", "1h", days[0].isoformat(), end, "h", "m", "jr_1", "c", "d", "r", status,
                    rows, 0, 0, rows, rows, rows, rows, "2024-02-01", recorded_at, number,
                    ",".join(f"{market}/USDT" for market in markets), 0, rows)  # fmt: skip
        candles = ", ".join(
            f"('binance', '{market}', 'USDT', '1h', '{day}', 1, 1, 1, 1, 1, 1, 1, NULL, 's3://x', '2024-02-01', "
            f"'{batch_id}')"
            for day in days
            for market in markets
        )
        warehouse.execute_batch(
            [
                *insert_load(metadata),
                f"INSERT INTO crypto.fact_crypto_prices VALUES {candles}",
            ]
        )

    return insert


def windows(runs):
    return [(run["conf"]["start"], run["conf"]["end"]) for run in runs]


def test_each_windows_run_gets_its_days_sources_symbols_and_reload(plan):
    runs, _ = plan(chunk_days=16)
    everything = {
        "sources": ["binance", "otherex"],
        "symbols": ["BTCUSDT", "ETHUSDT", "SOLUSDT"],
        "reload": False,
    }
    assert [run["conf"] for run in runs] == [
        {"start": "2024-01-01", "end": "2024-01-17"} | everything,
        {"start": "2024-01-17", "end": "2024-02-01"} | everything,
    ]
    (run,), _ = plan(sources=["binance"], symbols=["ETHUSDT"], reload=True)
    assert run["conf"] == {
        "start": "2024-01-01",
        "end": "2024-02-01",
        "sources": ["binance"],
        "symbols": ["ETHUSDT"],
        "reload": True,
    }


def test_two_backfills_of_the_same_days_start_separate_runs(plan):
    mine, _ = plan(run_id="manual__1")
    again, _ = plan(run_id="manual__1")
    theirs, _ = plan(run_id="manual__2")
    assert mine == again
    assert mine[0]["conf"] == theirs[0]["conf"]
    assert mine[0]["trigger_run_id"] != theirs[0]["trigger_run_id"]


def test_no_window_is_longer_than_chunk_days(plan):
    runs, _ = plan(chunk_days=10)
    assert windows(runs) == [
        ("2024-01-01", "2024-01-11"),
        ("2024-01-11", "2024-01-21"),
        ("2024-01-21", "2024-01-31"),
        ("2024-01-31", "2024-02-01"),
    ]


def test_loaded_days_are_skipped_and_named_unless_reload_is_set(plan, loaded):
    loaded("b1", 3, 5)
    runs, text = plan(sources=["binance"])
    assert windows(runs) == [("2024-01-01", "2024-01-03"), ("2024-01-06", "2024-02-01")]
    assert "skipped [2024-01-03, 2024-01-06): loaded by b1" in " ".join(text.split())
    runs, text = plan(sources=["binance"], reload=True)
    assert windows(runs) == [("2024-01-01", "2024-02-01")]
    assert "loaded by" not in text


def test_days_missing_for_another_source_or_interval_are_loaded(plan, loaded, settings):
    loaded("b1", 1, 31)
    assert windows(plan()[0]) == [("2024-01-01", "2024-02-01")]
    assert plan(sources=["binance"])[0] == []
    settings.change(candle_interval="1d")
    assert windows(plan(sources=["binance"])[0]) == [("2024-01-01", "2024-02-01")]


def test_days_whose_newest_load_does_not_add_up_are_loaded(plan, loaded):
    loaded("b1", 1, 31)
    loaded("b2", 7, 7, number=2, status="merged")
    assert windows(plan(sources=["binance"])[0]) == [("2024-01-07", "2024-01-08")]


def test_days_that_were_merged_but_not_published_are_loaded(plan, loaded):
    loaded("b1", 1, 31)
    loaded("b2", 7, 7, number=2, recorded_at=None)
    assert windows(plan(sources=["binance"])[0]) == [("2024-01-07", "2024-01-08")]


def test_a_dry_run_shows_the_plan_with_its_cost_and_starts_nothing(plan, task_log):
    runs, text = plan(dry_run=True)
    assert runs == []
    assert "Backfill of [2024-01-01, 2024-02-01): 31 days" in text
    assert "window [2024-01-01, 2024-02-01)" in " ".join(text.split())
    assert "API requests at least 3" in " ".join(text.split())
    assert "Glue runs 1, about 4.0 DPU-minutes (2 DPUs)" in " ".join(text.split())
    assert "Glue runs 1 of 31 days: assumed 120 s each, because no run has ended yet" in " ".join(text.split())
    assert text in task_log.text
    assert "dry run" in task_log.text


def test_the_cost_is_estimated_from_runs_of_similar_windows(plan, monkeypatch):
    def run(start, end, seconds, state="SUCCEEDED"):
        arguments = {"--window_start": start, "--window_end": end}
        return {"JobRunState": state, "ExecutionTime": seconds, "Arguments": arguments}

    class Glue:
        def get_job(self, JobName):
            return {"Job": {"WorkerType": "G.2X", "NumberOfWorkers": 3}}

        def get_job_runs(self, JobName, MaxResults):
            assert (JobName, MaxResults) == (JOB, 200)
            runs = [run(f"2024-02-{day:02}", f"2024-02-{day + 1:02}", 60) for day in range(1, 20)]
            runs += [run("2023-12-01", "2024-01-01", 600), run("2023-11-01", "2023-12-01", 300)]
            runs += [run("2023-12-01", "2024-01-01", 3300, "FAILED"), run("2023-12-01", "2024-01-01", 0, "RUNNING")]
            by_hand = {"JobRunState": "SUCCEEDED", "ExecutionTime": 9000}
            return {"JobRuns": [*runs, by_hand, by_hand | {"Arguments": {"--window_start": "yesterday"}}]}

    monkeypatch.setattr(GlueJobHook, "conn", Glue())
    _, text = plan()
    assert "Glue runs 1, about 45.0 DPU-minutes (6 DPUs)" in " ".join(text.split())
    assert "1 of 31 days: 450 s each, the mean of 2 earlier runs (1 of 31 days, 1 of 30 days)" in text


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"sources": ["kraken"]}, "no source kraken: use binance, otherex"),
        ({"symbols": ["XRPUSDT"]}, "no symbol XRPUSDT for binance, otherex"),
        ({"end": "2024-01-01"}, "must end after it starts"),
        ({"end": "2999-01-01"}, "has not ended"),
    ],
)
def test_errors_that_a_retry_would_repeat_fail_immediately(plan, params, message):
    with pytest.raises(AirflowFailException, match=message):
        plan(**params)


def test_wrong_settings_are_refused(plan, settings):
    settings.change(sources={"binance": {"symbols": ["BTC-XYZ"]}})
    with pytest.raises(AirflowFailException, match="'BTC-XYZ' is not a market of binance"):
        plan()


def test_a_symbol_that_the_exchange_does_not_list_is_refused(plan, settings):
    settings.change(
        sources={"binance": {"symbols": ["BTCXYZ"], "api_url": f"{settings.names['endpoint']}/exchange/binance"}}
    )
    with pytest.raises(AirflowFailException, match="binance does not list BTCXYZ"):
        plan()


def test_a_source_whose_exchange_does_not_respond_is_left_out_and_the_others_are_planned(settings, plan):
    api_url = f"{settings.names['endpoint']}/exchange"
    settings.change(
        sources={
            "binance": {"symbols": ["BTCUSDT"], "api_url": f"{api_url}/binance"},
            # There is no exchangeInfo.
            "otherex": {"symbols": ["SOLUSDT"], "api_url": f"{api_url}/coinbase"},
        }
    )
    (run,), text = plan()
    assert (run["conf"]["sources"], run["conf"]["symbols"]) == (["binance"], ["BTCUSDT"])
    assert "otherex is left out, because it did not name its markets: " in text
    assert "API requests at least 1" in " ".join(text.split())
    assert plan.pushed[LEFT_OUT] in text
    plan(sources=["binance"])
    assert LEFT_OUT not in plan.pushed
    with pytest.raises(AirflowFailException, match="404"):
        plan(sources=["otherex"])


@pytest.mark.parametrize("dry_run", [False, True])
def test_too_many_windows_for_a_mapped_task_are_refused_even_in_a_dry_run(plan, dry_run):
    span = {"start": "2021-01-01", "sources": ["binance"], "chunk_days": 1, "dry_run": dry_run}
    last = date(2021, 1, 1) + timedelta(days=1024)
    assert len(plan(**span | {"dry_run": False}, end=last.isoformat())[0]) == 1024
    with pytest.raises(
        AirflowFailException, match=r"1025 windows with chunk_days 1, .*max_map_length.* larger chunk_days"
    ):
        plan(**span, end=(last + timedelta(days=1)).isoformat())
