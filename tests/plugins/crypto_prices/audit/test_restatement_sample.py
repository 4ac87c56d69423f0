"""The sample of loaded days that an audit fetches again, with the warehouse and the exchange of the local AWS."""

from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests
from airflow.dag_processing.dagbag import DagBag
from crypto_prices.audit import plan_healing, refetch
from crypto_prices.fetch.source_client import client_of
from crypto_prices_contract.window import Window

from tests.support.tasks import insert_load

DAG_ID = "crypto_prices_audit"
MARKETS = {"BTCUSDT": "BTC", "ETHUSDT": "ETH"}
FETCHED = "2024-02-01 00:00:00"
MONDAY = datetime(2024, 3, 4, 6, tzinfo=UTC)


@pytest.fixture(scope="session")
def dag():
    return DagBag(dag_folder=Path(__file__).parents[4] / "dags" / f"{DAG_ID}.py").dags[DAG_ID]


@pytest.fixture
def exchange(aws):
    """The address of the exchange. Its faults are removed after the test."""
    url = f"{aws.names['endpoint']}/exchange"
    aws.change(sources={"binance": {"symbols": list(MARKETS), "api_url": f"{url}/binance"}})
    yield url
    requests.delete(f"{url}/_faults", timeout=10).raise_for_status()
    requests.delete(f"{url}/_rules", timeout=10).raise_for_status()


def restate(exchange, **fault):
    document = {"faults": [{"kind": "restated_rows", "times": None} | fault]}
    requests.put(f"{exchange}/_faults", json=document, timeout=10).raise_for_status()


@pytest.fixture
def loaded(warehouse, exchange, catalog, monkeypatch):
    """Return a function that loads whole days of both markets as the exchange sends them."""
    # The raw zone is not part of these tests.
    monkeypatch.setattr(plan_healing, "is_whole", lambda s3_client, uri: True)
    tables = ("candle_gaps", "expected_markets", "restatement_checks")
    warehouse.execute_batch([f"DELETE FROM crypto.{table}" for table in tables])

    def load(first, last, number=1, fetched=FETCHED):
        window = Window(date(2024, 1, first), date(2024, 1, last + 1))
        rows = 48 * (last + 1 - first)
        metadata = (f"b{number}", "binance", "1h", str(window.start), str(window.end), "h", f"s3://lake/{number}",
                    f"jr_{number}", "c", "d", "r", "loaded", rows, 0, 0, rows, rows, rows, rows, fetched, fetched,
                    number, "BTC/USDT,ETH/USDT", 0, rows, fetched)  # fmt: skip
        times = {"startTime": window.start_ms, "endTime": window.end_ms - 1, "interval": "1h", "limit": 1000}
        values = []
        for symbol, base in MARKETS.items():
            answer = requests.get(f"{exchange}/binance/api/v3/klines", params=times | {"symbol": symbol}, timeout=10)
            for row in answer.json():
                opened = datetime.fromtimestamp(row[0] / 1000, UTC)
                prices = ", ".join(row[place] for place in (1, 2, 3, 4, 5))
                others = ", ".join("NULL" if row[place] is None else str(row[place]) for place in (7, 8))
                values.append(
                    f"('binance', '{base}', 'USDT', '1h', '{opened:%Y-%m-%d %H:%M:%S}', {prices}, {others}, NULL, "
                    f"'s3://x', '{fetched}', 'b{number}')"
                )
        assert len(values) == rows
        for day in window.days():
            catalog.publish(day.isoformat(), f"jr_{number}")
        inserts = [
            f"INSERT INTO crypto.fact_crypto_prices VALUES {', '.join(values[place : place + 200])}"
            for place in range(0, len(values), 200)
        ]
        warehouse.execute_batch([*insert_load(metadata), *inserts])

    return load


@pytest.fixture
def audit(dag, make_task, make_context):
    """Return a function that runs plan_healing and returns the planned windows and the text of the plan."""

    def run(run_id="audit", run_after=MONDAY, **params):
        context = make_context(run_id=run_id) | {"dag": dag}
        context["dag_run"] = SimpleNamespace(
            dag_id=DAG_ID, run_id=run_id, logical_date=None, data_interval_end=None, run_after=run_after, conf=params
        )
        span = {"start": "2024-01-01", "end": "2024-01-08", "restatement_sample": 50}
        context["params"] = {name: dag.params[name] for name in dag.params} | span | params
        result = make_task("plan_healing", context).execute(context)
        assert all(run["conf"]["reload"] and "force" not in run["conf"] for run in result)
        windows = [(run["conf"]["start"][-2:], run["conf"]["end"][-2:], run["conf"]["symbols"]) for run in result]
        return windows, " ".join(context["ti"].pushed["plan"].split())

    return run


def checks(warehouse, run_id="audit"):
    """Return the checks of a run: status, changed, added and vanished candles by base asset and day of the month."""
    rows = warehouse.query(
        "SELECT symbol, observed_on, status, candles_compared, candles_changed, candles_added, candles_vanished "
        f"FROM crypto.restatement_checks WHERE run_id = '{run_id}'"
    )
    found = {}
    for row in rows:
        symbol, day, *rest = row.values()
        assert (symbol, int(day[-2:])) not in found
        found[symbol, int(day[-2:])] = tuple(rest)
    return found


def details(warehouse):
    query = "SELECT detail FROM crypto.restatement_checks WHERE status <> 'same' ORDER BY observed_on"
    return [row["detail"] for row in warehouse.query(query)]


def test_days_that_the_exchange_has_not_changed_are_not_loaded_again(loaded, audit, warehouse):
    loaded(1, 7)
    windows, text = audit()
    assert windows == []
    assert "fetched again: 14 (14 same)" in text
    assert checks(warehouse) == {(base, day): ("same", 24, 0, 0, 0) for base in ("BTC", "ETH") for day in range(1, 8)}


def test_only_the_restated_market_and_days_are_loaded_again(loaded, audit, warehouse, exchange):
    loaded(1, 7)
    restate(exchange, symbol="ETHUSDT", hour=7)
    warehouse.execute_batch(
        [
            "DELETE FROM crypto.restatement_checks",
            "UPDATE crypto.fact_crypto_prices SET base_volume = base_volume + 0.000000000000000001 "
            "WHERE symbol = 'BTC' AND observed_at = '2024-01-04 05:00:00'",
        ]
    )
    windows, text = audit(start="2024-01-03", end="2024-01-05")
    assert windows == [("03", "05", ["ETHUSDT"]), ("04", "05", ["BTCUSDT"])]
    assert checks(warehouse) == {
        ("BTC", 3): ("same", 24, 0, 0, 0), ("BTC", 4): ("differs", 24, 1, 0, 0),
        ("ETH", 3): ("differs", 24, 1, 0, 0), ("ETH", 4): ("differs", 24, 1, 0, 0),
    }  # fmt: skip
    assert "binance ETH/USDT: 2 days restated" in text
    assert "binance ETH/USDT on 2024-01-03 1 changed, 0 added, 0 vanished 2024-01-03 07:00:00 " in text


def test_candles_that_are_new_or_have_vanished_are_found(loaded, audit, warehouse):
    loaded(1, 1)
    gap = "('binance', 'BTC', 'USDT', '1h', '2024-01-01 03:00:00', '2024-01-01 05:00:00', 2, 'no_trade', '2024-02-01')"
    extra = (
        "INSERT INTO crypto.fact_crypto_prices VALUES ('binance', 'ETH', 'USDT', '1h', '2024-01-01 00:30:00', "
        "1, 1, 1, 1, 1, 1, 1, NULL, 's3://x', '2024-02-01', 'b1')"
    )
    lost = "symbol = 'BTC' AND observed_at IN ('2024-01-01 03:00:00', '2024-01-01 04:00:00')"
    warehouse.execute_batch(
        [f"DELETE FROM crypto.fact_crypto_prices WHERE {lost}", f"INSERT INTO crypto.candle_gaps VALUES {gap}", extra]
    )
    windows, _ = audit(end="2024-01-02")
    assert windows == [("01", "02", ["BTCUSDT", "ETHUSDT"])]
    assert checks(warehouse) == {("BTC", 1): ("differs", 24, 0, 2, 0), ("ETH", 1): ("differs", 25, 0, 0, 1)}
    # Rejected records are not new.
    warehouse.execute_batch(["UPDATE crypto.candle_gaps SET reason = 'quarantined'"])
    audit("again", end="2024-01-02", ask_again=[])
    assert checks(warehouse, "again")["BTC", 1] == ("same", 22, 0, 0, 0)


def removal(start, end):
    return f"CALL crypto.remove_candles('binance', 'BTC', 'USDT', '1h', '{start}', '{end}', 'test trades')"


def test_an_audit_does_not_bring_removed_candles_back(loaded, audit, warehouse, exchange):
    loaded(1, 2)
    lock = "LOCK crypto.load_lock"
    warehouse.execute_batch([lock, removal("2024-01-01 03:00:00", "2024-01-01 05:00:00")])
    assert audit(end="2024-01-03")[0] == []
    assert checks(warehouse)["BTC", 1] == ("same", 22, 0, 0, 0)
    # Other candles of the day were restated.
    restate(exchange, symbol="BTCUSDT", hour=7)
    assert audit("restated", end="2024-01-03")[0] == [("02", "03", ["BTCUSDT"])]
    assert checks(warehouse, "restated")["BTC", 1] == ("differs", 22, 1, 0, 0)
    # The user removes the candles that an earlier audit found to differ.
    warehouse.execute_batch([lock, removal("2024-01-02 07:00:00", "2024-01-02 08:00:00")])
    assert audit("later", MONDAY + timedelta(weeks=1), end="2024-01-03", restatement_sample=0)[0] == []


def test_nothing_is_fetched_again_without_a_sample(loaded, audit, warehouse, exchange):
    loaded(1, 2)
    restate(exchange)
    requests.delete(f"{exchange}/_requests", timeout=10).raise_for_status()
    assert audit(end="2024-01-03", restatement_sample=0)[0] == []
    asked = requests.get(f"{exchange}/_requests", timeout=10).json()["requests"]
    assert [entry for entry in asked if entry["symbol"]] == []
    assert checks(warehouse) == {}


def test_the_setting_is_the_size_of_the_sample(loaded, audit, aws, warehouse):
    loaded(1, 7)
    aws.change(restatement_sample=3)
    audit(restatement_sample=None)
    assert set(checks(warehouse)) == {("BTC", 1), ("ETH", 1), ("BTC", 2)}


def test_every_loaded_day_gets_its_turn_and_a_cleared_task_chooses_the_same_days(loaded, audit, warehouse):
    loaded(4, 7)
    loaded(1, 3, number=2, fetched="2024-02-02 00:00:00")
    sampled = []
    for week in range(5):
        at = MONDAY + timedelta(weeks=week)
        audit(f"week {week}", at, restatement_sample=3)
        sampled.append(set(checks(warehouse, f"week {week}")))
    everything = [*((day, base) for day in (4, 5, 6, 7, 1, 2, 3) for base in ("BTC", "ETH"))]
    order = [(base, day) for day, base in everything]
    assert sampled == [set(order[0:3]), set(order[3:6]), set(order[6:9]), set(order[9:12]), {*order[12:14], order[0]}]
    # Later audits do not change the choice.
    audit("week 1", MONDAY + timedelta(weeks=1), restatement_sample=3)
    assert set(checks(warehouse, "week 1")) == sampled[1]


def test_a_days_load_counts_as_its_check(loaded, audit, warehouse):
    loaded(1, 2)
    loaded_again = ("b2", "binance", "1h", "2024-01-01", "2024-01-02", "h", "s3://lake/2", "jr_1", "c", "d", "r",
                    "loaded", 0, 0, 0, 0, 0, 0, 0, FETCHED, FETCHED, 2, "BTC/USDT,ETH/USDT", 0, 0,
                    "2024-02-20 00:00:00")  # fmt: skip
    warehouse.execute_batch(insert_load(loaded_again))
    audit(restatement_sample=2, end="2024-01-03")
    assert set(checks(warehouse)) == {("BTC", 2), ("ETH", 2)}
    # It was not known when this audit was due.
    audit("earlier", datetime(2024, 2, 10, tzinfo=UTC), restatement_sample=2, end="2024-01-03")
    assert set(checks(warehouse, "earlier")) == {("BTC", 1), ("ETH", 1)}


def test_differences_that_no_load_resolves_are_planned_each_time_and_take_no_turn_of_another_day(
    loaded, audit, warehouse, exchange
):
    """For example, the exchange has withdrawn candles, and the merge refuses to delete the loaded ones."""
    loaded(1, 2)
    restate(exchange, symbol="BTCUSDT")
    planned, sampled = [], []
    for week in range(5):
        at = MONDAY + timedelta(weeks=week)
        planned.append(audit(f"week {week}", at, restatement_sample=1, end="2024-01-03")[0])
        sampled += checks(warehouse, f"week {week}")
    first, both = [("01", "02", ["BTCUSDT"])], [("01", "03", ["BTCUSDT"])]
    assert sampled == [("BTC", 1), ("ETH", 1), ("BTC", 2), ("ETH", 2), ("BTC", 1)]
    assert planned == [first, first, both, both, both]


def test_a_difference_is_planned_until_a_load_has_fetched_the_day(loaded, audit, warehouse, exchange):
    loaded(1, 2)
    restate(exchange, symbol="BTCUSDT")
    assert audit(end="2024-01-03")[0] == [("01", "03", ["BTCUSDT"])]
    next_week = MONDAY + timedelta(weeks=1)
    # An audit of other days that samples nothing still plans it.
    params = {"restatement_sample": 0, "start": "2024-01-02", "end": "2024-01-03"}
    assert audit("again", next_week, **params)[0] == [("01", "03", ["BTCUSDT"])]
    fetched_again = ("b2", "binance", "1h", "2024-01-01", "2024-01-02", "h", "s3://lake/2", "jr_1", "c", "d", "r",
                     "loaded", 0, 0, 0, 0, 0, 0, 0, FETCHED, FETCHED, 2, "BTC/USDT,ETH/USDT", 0, 0,
                     "2999-01-01 00:00:00")  # fmt: skip
    warehouse.execute_batch(insert_load(fetched_again))
    assert audit("loaded", next_week, **params)[0] == [("02", "03", ["BTCUSDT"])]


def test_a_user_can_keep_the_loaded_candles(loaded, audit, warehouse, exchange):
    loaded(1, 1)
    restate(exchange, symbol="BTCUSDT")
    assert audit(end="2024-01-02")[0] == [("01", "02", ["BTCUSDT"])]
    warehouse.execute_batch(["UPDATE crypto.restatement_checks SET status = 'kept' WHERE status = 'differs'"])
    assert audit("again", MONDAY + timedelta(weeks=1), end="2024-01-02", restatement_sample=0)[0] == []


def test_a_difference_that_the_exchange_takes_back_is_no_longer_planned(loaded, audit, exchange):
    loaded(1, 1)
    restate(exchange, symbol="BTCUSDT")
    assert audit(end="2024-01-02")[0] == [("01", "02", ["BTCUSDT"])]
    requests.delete(f"{exchange}/_faults", timeout=10).raise_for_status()
    assert audit("again", MONDAY + timedelta(weeks=1), end="2024-01-02")[0] == []


def test_days_that_are_wrong_anyway_take_no_turn_of_another_day(loaded, audit, warehouse):
    loaded(1, 2)
    warehouse.execute_batch(
        ["DELETE FROM crypto.fact_crypto_prices WHERE symbol = 'BTC' AND observed_at = '2024-01-01 05:00:00'"]
    )
    assert audit(end="2024-01-03", restatement_sample=1)[0] == [("01", "02", ["BTCUSDT"])]
    assert set(checks(warehouse)) == {("ETH", 1)}


def test_a_difference_stays_recorded_after_the_day_was_loaded_again(loaded, audit, warehouse, exchange):
    loaded(1, 1)
    restate(exchange, symbol="BTCUSDT")
    audit(end="2024-01-02")
    before = checks(warehouse)
    requests.delete(f"{exchange}/_faults", timeout=10).raise_for_status()
    assert audit(end="2024-01-02")[0] == []
    assert checks(warehouse) == before
    assert {status for status, *_ in before.values()} == {"differs", "same"}


def test_a_day_before_the_listing_is_not_sampled(loaded, audit, warehouse):
    loaded(2, 2)
    gap = "('binance', 'ETH', 'USDT', '1h', '2023-01-01', '2024-01-03', 8808, 'not_listed', '2024-02-01')"
    warehouse.execute_batch(
        [
            "DELETE FROM crypto.fact_crypto_prices WHERE symbol = 'ETH'",
            "UPDATE crypto.etl_metadata SET rows_owned = 24",
            f"INSERT INTO crypto.candle_gaps VALUES {gap}",
        ]
    )
    audit(start="2024-01-02", end="2024-01-03")
    assert set(checks(warehouse)) == {("BTC", 2)}


def test_a_day_that_is_loaded_again_anyway_keeps_its_turn(loaded, audit, warehouse):
    loaded(1, 2)
    warehouse.execute_batch(
        ["DELETE FROM crypto.fact_crypto_prices WHERE symbol = 'BTC' AND observed_at = '2024-01-01 05:00:00'"]
    )
    assert audit(end="2024-01-03")[0] == [("01", "02", ["BTCUSDT"])]
    assert set(checks(warehouse)) == {("ETH", 1), ("BTC", 2), ("ETH", 2)}


def test_a_refused_day_is_recorded_and_gives_way_to_others(loaded, audit, warehouse, exchange):
    loaded(1, 1)
    faults = {"faults": [{"kind": "unknown_symbol", "symbol": "ETHUSDT", "times": None}]}
    requests.put(f"{exchange}/_faults", json=faults, timeout=10).raise_for_status()
    windows, text = audit(end="2024-01-02")
    assert windows == []
    assert checks(warehouse) == {("BTC", 1): ("same", 24, 0, 0, 0), ("ETH", 1): ("refused", 0, 0, 0, 0)}
    assert "no market ETHUSDT" in details(warehouse)[0]
    assert "fetched again: 2 (1 refused, 1 same)" in text


def test_a_source_that_does_not_respond_does_not_hold_up_the_audit(
    loaded, audit, warehouse, exchange, caplog, monkeypatch
):
    monkeypatch.setattr(refetch, "client_of", partial(client_of, sleep=lambda seconds: None))
    loaded(1, 2)
    faults = {"faults": [{"kind": "not_json", "symbol": "BTCUSDT", "times": None}]}
    requests.put(f"{exchange}/_faults", json=faults, timeout=10).raise_for_status()
    assert audit(end="2024-01-04")[0] == [("03", "04", ["BTCUSDT", "ETHUSDT"])]
    assert checks(warehouse) == {}
    assert "4 of 4 days of binance are not compared" in caplog.text
