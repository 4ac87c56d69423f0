"""PlanHealingOperator of the DAG crypto_prices_audit, with the warehouse and the raw zone of the local AWS."""

import json
import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException
from crypto_prices.aws.redshift_data import RedshiftDataClient
from crypto_prices.fetch.errors import RetryableSourceError
from crypto_prices_contract.markets import Market
from crypto_prices_contract.raw_manifest import RawManifest, RawObject
from crypto_prices_contract.window import Window

from tests.support.tasks import insert_load

DAG_ID = "crypto_prices_audit"
BUCKET = "plan-healing-lake"
WEEK = Window(date(2024, 1, 1), date(2024, 1, 8))
MARKETS = {"BTCUSDT": "BTC", "ETHUSDT": "ETH"}


@pytest.fixture(scope="session")
def dag():
    return DagBag(dag_folder=Path(__file__).parents[4] / "dags" / f"{DAG_ID}.py").dags[DAG_ID]


@pytest.fixture
def lake(aws):
    """The raw zone, and settings with two markets."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    api_url = f"{aws.names['endpoint']}/exchange/binance"
    aws.change(s3_bucket=BUCKET, sources={"binance": {"symbols": list(MARKETS), "api_url": api_url}})
    yield s3
    for item in s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        s3.delete_object(Bucket=BUCKET, Key=item["Key"])
    s3.delete_bucket(Bucket=BUCKET)


@pytest.fixture
def loaded(warehouse, lake, catalog):
    """Return a function that puts a load of whole days of both markets into raw zone, warehouse and catalog."""
    tables = ("candle_gaps", "expected_markets", "restatement_checks")
    warehouse.execute_batch([f"DELETE FROM crypto.{table}" for table in tables])

    def load(first, last, number=1):
        window = Window(date(2024, 1, first), date(2024, 1, last + 1))
        prefix = f"raw/attempt={number}/"
        uri, at = f"s3://{BUCKET}/{prefix}manifest.json", "2024-02-01T00:00:00+00:00"
        objects = tuple(
            RawObject(f"s3://{BUCKET}/{prefix}{symbol}-0001.json.gz", symbol, base, "USDT", "https://exchange", 200, at,
                      "a" * 64, 1, 24, 0, window.starts_at.isoformat(), window.ends_at.isoformat(), "e" * 32, None)
            for symbol, base in MARKETS.items()
        )  # fmt: skip
        for each in objects:
            lake.put_object(Bucket=BUCKET, Key=each.uri.removeprefix(f"s3://{BUCKET}/"), Body=b"x")
        markets = tuple(Market(symbol, base, "USDT") for symbol, base in MARKETS.items())
        manifest = RawManifest(uri, "binance", window, "1h", f"attempt-{number}", 24, markets, objects, at)
        body = json.dumps(manifest.to_json()).encode()
        lake.put_object(Bucket=BUCKET, Key=f"{prefix}manifest.json", Body=body)
        rows = 48 * (last + 1 - first)
        metadata = (f"b{number}", "binance", "1h", str(window.start), str(window.end), "h",
                    f"s3://{BUCKET}/{prefix}manifest.json", f"jr_{number}", "c", "d", "r", "loaded", rows, 0, 0, rows,
                    rows, rows, rows, "2024-02-01", "2024-02-01", number, "BTC/USDT,ETH/USDT", 0, rows)  # fmt: skip
        for day in window.days():
            catalog.publish(day.isoformat(), f"jr_{number}")
        candles = ", ".join(
            f"('binance', '{symbol}', 'USDT', '1h', '{day} {hour:02d}:00:00', 1, 1, 1, 1, 1, 1, 1, NULL, 's3://x', "
            f"'2024-02-01', 'b{number}')"
            for symbol in MARKETS.values()
            for day in window.days()
            for hour in range(24)
        )
        warehouse.execute_batch(
            [
                *insert_load(metadata),
                f"INSERT INTO crypto.fact_crypto_prices VALUES {candles}",
            ]
        )

    return load


@pytest.fixture
def plan(lake, dag, make_task, make_context):
    """Return a function that runs a task of the DAG and returns the planned windows and the plan as text."""

    def run(task_id="plan_healing", logical_date=None, interval_end=None, **params):
        context = make_context(run_id="audit") | {"dag": dag}
        context["dag_run"] = SimpleNamespace(
            dag_id=DAG_ID,
            run_id="audit",
            logical_date=logical_date,
            data_interval_end=interval_end,
            run_after=datetime(2024, 3, 4, 6, tzinfo=UTC),
            conf=params,
        )
        params = {"restatement_sample": 0} | params
        span = {} if logical_date or interval_end else {"start": "2024-01-01", "end": "2024-01-08"}
        context["params"] = {name: dag.params[name] for name in dag.params} | span | params
        result = make_task(task_id, context).execute(context)
        # Never with force: it may delete candles, which only a user can decide.
        assert all(started["conf"]["reload"] and "force" not in started["conf"] for started in result)
        run.configurations = [started["conf"] for started in result]
        windows = [(conf["start"][-2:], conf["end"][-2:], conf["symbols"]) for conf in run.configurations]
        return windows, context["ti"].pushed["plan"]

    return run


def test_an_unknown_param_is_refused(plan):
    with pytest.raises(AirflowFailException, match="unknown params: dyas"):
        plan(dyas=7)


def missing(warehouse):
    """The unfetched days of the week, from the view."""
    rows = warehouse.query(
        "SELECT symbol, observed_on, reason, candles FROM crypto.missing_candles "
        "WHERE observed_on >= '2024-01-01' AND observed_on < '2024-01-08'"
    )
    return {(row["symbol"], str(row["observed_on"]), row["reason"]): row["candles"] for row in rows}


def test_a_complete_week_needs_no_healing(plan, loaded, warehouse):
    loaded(1, 7)
    assert plan()[0] == []
    assert plan("check_healing")[0] == []
    assert missing(warehouse) == {}


def test_a_day_whose_partition_shows_another_load_is_planned(plan, loaded, catalog):
    loaded(1, 7)
    partition = {"Values": ["2024", "01", "03"], "StorageDescriptor": {}, "Parameters": {"job_run_id": "jr_0"}}
    catalog.glue.update_partition(
        DatabaseName=catalog.database,
        TableName=catalog.table,
        PartitionValueList=partition["Values"],
        PartitionInput=partition,
    )
    windows, text = plan()
    assert windows == [("03", "04", ["BTCUSDT", "ETHUSDT"])]
    assert "not_published" in text


def test_expected_markets_are_replaced_in_one_transaction_with_the_load_lock(plan, loaded, monkeypatch):
    """A reader sees the old rows of a market or the new ones."""
    loaded(1, 3)
    batches = []
    monkeypatch.setattr(RedshiftDataClient, "execute_batch", lambda _client, statements: batches.append(statements))
    plan()
    (batch,) = batches
    assert [statement.splitlines()[0].strip("- ") for statement in batch] == [
        "load/lock_loads", "plan/delete_expected_markets", "plan/insert_expected_markets",
    ]  # fmt: skip


def test_unfetched_days_are_planned_and_shown_by_the_view(plan, loaded, warehouse, task_log):
    loaded(1, 3)
    loaded(6, 7, number=2)
    windows, text = plan()
    assert windows == [("04", "06", ["BTCUSDT", "ETHUSDT"])]
    assert "windows 1, with at least 2 API requests" in " ".join(text.split())
    assert text in task_log.text
    unfetched = {(symbol, day, "unfetched"): 24 for symbol in ("BTC", "ETH") for day in ("2024-01-04", "2024-01-05")}
    assert missing(warehouse) == unfetched


def test_a_market_that_was_never_loaded_is_known_after_the_audit(plan, aws, loaded, warehouse):
    loaded(1, 7)
    api_url = f"{aws.names['endpoint']}/exchange/binance"
    aws.change(sources={"binance": {"symbols": [*MARKETS, "SOLUSDT"], "api_url": api_url}})
    assert missing(warehouse) == {}
    expected = "SELECT symbol, used_from, used_until FROM crypto.expected_markets ORDER BY symbol"
    for _ in range(2):
        plan()
        assert [list(row.values()) for row in warehouse.query(expected)] == [
            ["BTC", None, None], ["ETH", None, None], ["SOL", None, None],
        ]  # fmt: skip
    assert missing(warehouse) == {("SOL", f"2024-01-0{number}", "unfetched"): 24 for number in range(1, 8)}
    aws.change(sources={"binance": {"symbols": list(MARKETS), "api_url": api_url}})
    plan()
    assert missing(warehouse) == {}


def test_an_exchange_that_does_not_respond_is_left_out_and_fails_only_the_check(plan, aws, loaded, warehouse, task_log):
    loaded(1, 7)
    api_url = f"{aws.names['endpoint']}/exchange"
    binance = {"symbols": list(MARKETS), "api_url": f"{api_url}/binance"}
    sources = {
        symbol: {"binance": binance, "coinbase": {"symbols": ["BTC-USD"], "api_url": f"{api_url}/{api}"}}
        for symbol, api in (("right", "coinbase"), ("wrong", "binance"))
    }
    aws.change(sources=sources["right"])
    assert plan()[0] == [("01", "08", ["BTC-USD"])]
    expected = "SELECT source, symbol FROM crypto.expected_markets ORDER BY 1, 2"
    known = warehouse.query(expected)
    assert {row["source"] for row in known} == {"binance", "coinbase"}
    aws.change(sources=sources["wrong"])
    warehouse.execute_batch(
        ["DELETE FROM crypto.fact_crypto_prices WHERE symbol = 'BTC' AND observed_at = '2024-01-03 05:00:00'"]
    )
    windows, text = plan()
    assert windows == [("03", "04", ["BTCUSDT"])]
    assert "coinbase is left out, because it did not name its markets: " in text
    assert warehouse.query(expected) == known
    with pytest.raises(AirflowException, match=r"not healed: 1\."):
        plan("check_healing")
    warehouse.execute_batch(
        [
            "INSERT INTO crypto.fact_crypto_prices VALUES ('binance', 'BTC', 'USDT', '1h', '2024-01-03 05:00:00', "
            "1, 1, 1, 1, 1, 1, 1, NULL, 's3://x', '2024-02-01', 'b1')"
        ]
    )
    with pytest.raises(RetryableSourceError, match="sources whose days are not checked: coinbase: "):
        plan("check_healing")


def test_exactly_the_random_holes_in_fact_table_and_raw_zone_are_found(plan, loaded, warehouse, lake):
    for number in range(1, 8):
        loaded(number, number, number=number)
    rng = random.Random(20240101)
    places = [(symbol, number) for symbol in MARKETS for number in range(1, 8)]
    in_fact, in_raw = rng.sample(places, 4), rng.sample(range(1, 8), 2)
    for symbol, number in in_fact:
        hours = rng.sample(range(24), rng.randint(1, 24))
        times = ", ".join(f"'2024-01-{number:02d} {hour:02d}:00:00'" for hour in hours)
        warehouse.execute_batch(
            [f"DELETE FROM crypto.fact_crypto_prices WHERE symbol = '{MARKETS[symbol]}' AND observed_at IN ({times})"]
        )
    for number in in_raw:
        name = rng.choice(["manifest.json", "BTCUSDT-0001.json.gz"])
        lake.delete_object(Bucket=BUCKET, Key=f"raw/attempt={number}/{name}")
    windows, _ = plan()
    planned = Counter(
        (symbol, day.day)
        for start, end, symbols in windows
        for symbol in symbols
        for day in Window(date(2024, 1, int(start)), date(2024, 1, int(end))).days()
    )
    raw_only = {(symbol, number) for symbol in MARKETS for number in in_raw} - set(in_fact)
    assert planned == Counter({*in_fact, *raw_only})
    with pytest.raises(AirflowException, match=f"not healed: {len(in_fact) + len(raw_only)}\\."):
        plan("check_healing")


def test_explained_gaps_are_requested_again_only_on_demand(plan, loaded, warehouse):
    loaded(1, 7)
    warehouse.execute_batch(
        [
            "DELETE FROM crypto.fact_crypto_prices WHERE symbol = 'BTC' AND observed_at = '2024-01-03 05:00:00'",
            "INSERT INTO crypto.candle_gaps VALUES "
            "('binance', 'BTC', 'USDT', '1h', '2024-01-03 05:00:00', '2024-01-03 06:00:00', 1, 'quarantined', "
            "'2024-02-01')",
        ]
    )
    assert plan()[0] == [("03", "04", ["BTCUSDT"])]
    assert plan(ask_again=[])[0] == []
    # The exchange may still return none. That alone does not fail the run.
    assert plan("check_healing")[0]


def test_a_day_that_a_user_accepted_is_loaded_again_with_this_acceptance(plan, loaded, warehouse):
    """Without it, the Glue job would refuse the exchange's records, in every audit for five weeks."""
    loaded(1, 4)
    loaded(5, 7, number=2)
    accepted = "accepted_by = 'ada', accepted_because = 'off the grid'"
    lost = "symbol = 'BTC' AND observed_at IN ('2024-01-03 05:00:00', '2024-01-04 05:00:00', '2024-01-06 05:00:00')"
    warehouse.execute_batch(
        [
            f"UPDATE crypto.etl_metadata SET {accepted} WHERE batch_id = 'b1'",
            f"DELETE FROM crypto.fact_crypto_prices WHERE {lost}",
        ]
    )
    assert plan()[0] == [("03", "05", ["BTCUSDT"]), ("06", "07", ["BTCUSDT"])]
    assert [(conf.get("accepted_sources"), conf.get("accepted_because"), conf.get("accepted_by"))
            for conf in plan.configurations] == [(["binance"], "off the grid", "ada"), (None, None, None)]  # fmt: skip
    # A newer load of the day needed no acceptance.
    newer = ("b3", "binance", "1h", "2024-01-04", "2024-01-05", "h", f"s3://{BUCKET}/raw/attempt=1/manifest.json",
             "jr_1", "c", "d", "r", "loaded", 24, 0, 0, 24, 24, 24, 24, "2024-02-01", "2024-02-01", 3, "BTC/USDT", 0,
             24)  # fmt: skip
    warehouse.execute_batch(insert_load(newer))
    assert plan()[0] == [("03", "04", ["BTCUSDT"]), ("04", "05", ["BTCUSDT"]), ("06", "07", ["BTCUSDT"])]
    assert [conf.get("accepted_by") for conf in plan.configurations] == ["ada", None, None]


def test_a_plan_that_is_larger_than_the_settings_allow_is_only_shown(plan, loaded, aws, task_log):
    """Unpausing the audit of a new platform would otherwise load weeks of all markets."""
    loaded(1, 3)
    aws.change(audit_limit_days=3)
    with pytest.raises(
        AirflowFailException, match=r"8 days of markets to load in 1 window, for about \$0\.\d\d"
    ) as refused:
        plan()
    assert "price" in task_log.text
    assert "days of markets to heal: 8" in task_log.text
    # A user approves it with the params of the message.
    approval = json.loads(str(refused.value).partition("trigger crypto_prices_audit with ")[2])
    assert plan(**approval)[0] == [("04", "08", ["BTCUSDT", "ETHUSDT"])]
    # The check after the healing starts nothing, so it has no limit.
    with pytest.raises(AirflowException, match=r"not healed: 8\."):
        plan("check_healing")


def test_without_params_it_audits_the_days_before_the_end_of_its_data_interval(plan, loaded):
    """The logical date of a weekly run is the beginning of the week."""
    loaded(1, 7)
    begins, ends = datetime(2024, 1, 1, 6, tzinfo=UTC), datetime(2024, 1, 8, 6, tzinfo=UTC)
    for run in ({"logical_date": begins, "interval_end": ends}, {"logical_date": ends}):
        windows, text = plan(**run, days=9)
        assert "Audit of [2023-12-30, 2024-01-08): days of markets to heal: 4" in text
        assert windows == [("30", "01", ["BTCUSDT", "ETHUSDT"])]


def test_a_run_without_days_is_refused(plan, loaded, dag, make_task, make_context):
    context = make_context(run_id="audit")
    context["dag_run"] = SimpleNamespace(
        dag_id=DAG_ID, run_id="audit", logical_date=None, data_interval_end=None, conf={}
    )
    context["params"] = {name: dag.params[name] for name in dag.params}
    with pytest.raises(AirflowFailException, match="neither a logical date nor"):
        make_task("plan_healing", context).execute(context)


def test_future_days_are_refused(plan):
    tomorrow = datetime.now(UTC).date() + timedelta(days=2)
    with pytest.raises(AirflowFailException, match="has not ended"):
        plan(end=tomorrow.isoformat())
