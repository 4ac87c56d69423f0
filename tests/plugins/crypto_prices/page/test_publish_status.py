"""publish_status, on a warehouse: the statements of the page and what they become."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from crypto_prices.plan.expected_markets import ExpectedMarket, write_expected_markets

from tests.support.tasks import insert_load

DAG_ID = "crypto_prices_marts"


@pytest.fixture(scope="module")
def dag():
    return DagBag(dag_folder=Path(__file__).parents[4] / "dags" / f"{DAG_ID}.py").dags[DAG_ID]


VERSIONS = [
    f"'binance', 'BTC', 'USDT', '1h', '2023-12-20 {hour}:00:00', 9, 9, 9, 9, 9, 1, 1, NULL, 's3://x', '2023-12-21', "
    f"'b2', {load}, {load + 1}, '{closed_as}'"
    for hour, load, closed_as in [("01", 1, "changed"), ("01", 2, "changed"), ("02", 1, "removed"),
                                  ("05", 1, "changed")]
]  # fmt: skip
CONSENSUS = [
    "'2023-12-20 01:00:00', 1.5, 'ok', NULL, 3, 1.5",
    "'2023-12-20 02:00:00', 2.5, 'weak', 'two_venues', 2, 1.5",
    "'2023-12-20 03:00:00', NULL, 'none', 'one_venue', 1, 0",
    "'2023-12-21 00:00:00', 23.25, 'ok', NULL, 3, 1.5",
]


@pytest.fixture
def published(warehouse, aws, make_task, make_context):
    """Return a function that runs the task and returns the pushed documents."""
    # Tests of other files share the warehouse, and leave markets that the page would show.
    warehouse.execute_batch(["DELETE FROM crypto.expected_markets"])

    def run():
        context = make_context()
        make_task("publish_status", context).execute(context)
        return {key: json.loads(document) for key, document in context["ti"].pushed.items()}

    return run


@pytest.fixture
def note_markets(warehouse, make_task):
    """Return a function that writes markets to crypto.expected_markets, as a daily run does."""
    templates = make_task("publish_status").get_template_env()

    def note(*sources):
        expected = [ExpectedMarket(source, "BTC", "USDT", "1h", None, None) for source in sources]
        write_expected_markets(
            warehouse, lambda name, **values: templates.get_template(name).render(**values), expected
        )

    yield note
    warehouse.execute_batch(["DELETE FROM crypto.expected_markets"])


def write_load(warehouse, day, number, source="binance", interval="1h"):
    end = (datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(days=1)).date().isoformat()
    values = (
        *(f"b{number}", source, interval, day, end, "h", "m", "jr_1", "c", "d", f"run{number}", "loaded"),
        *(48, 0, 0, 48, 48, 48, 48, "2023-12-21", "2023-12-21", number, "BTC/USDT", 0, 48),
    )
    warehouse.execute_batch(insert_load(values))


def test_a_warehouse_without_loads_publishes_nothing(published):
    assert published() == {}


def test_the_freshness_target_is_that_of_the_settings(warehouse, published, aws):
    aws.change(freshness_hours=48)
    write_load(warehouse, "2023-12-18", 1)
    assert published()["status"]["freshness_hours"] == 48


def test_loads_candles_and_coverage_become_documents(warehouse, published):
    write_load(warehouse, "2023-12-18", 1)
    write_load(warehouse, "2023-12-20", 2)
    candles = ", ".join(
        f"('binance', 'BTC', 'USDT', '1h', '2023-12-20 {hour:02d}:00:00', {hour + 1}, {hour + 2}, {hour + 0.5}, "
        f"{hour + 1.5}, 10.25, 1, 1, NULL, 's3://x', '2023-12-21', 'b2')"
        for hour in range(3)
    )
    warehouse.execute_batch(
        [
            f"INSERT INTO crypto.fact_crypto_prices VALUES {candles}",
            *(f"INSERT INTO crypto.price_versions VALUES ({version})" for version in VERSIONS),
            *(f"INSERT INTO crypto.consensus_prices VALUES ('BTC', {hour}, 0)" for hour in CONSENSUS),
        ]
    )
    found = published()
    assert list(found)[-1] == "status"
    # The first day has no rows, and the last has three. The day between was never fetched.
    assert found["coverage_2023"]["markets"][0]["days"] == "gup"
    assert [absent for *_, absent in found["coverage_2023"]["rows_missing"]] == [21, 24]
    # The hour 01 was changed twice and the hour 02 was removed and loaded again.
    assert found["prices_0"]["daily"] == "2023-12-20,1,4,0.5,3.5,30.75,3,1"
    assert found["prices_0"]["hourly"].splitlines() == [
        "2023-12-20T00,1,2,0.5,1.5,10.25,1",
        "2023-12-20T01,2,3,1.5,2.5,10.25,1,1",
        "2023-12-20T02,3,4,2.5,3.5,10.25,1",
    ]
    # The consensus of an hour belongs to the candle that closes then, and that of a day to its last hour.
    assert found["consensus_0"] == {
        "symbol": "BTC",
        "left_out": {"daily": 0, "hourly": 0},
        "daily": "2023-12-20,23.25",
        "hourly": "2023-12-20T00,1.5\n2023-12-20T01,2.5,weak\n2023-12-20T23,23.25",
    }
    assert [(each["day"], each.get("run_id"), each["rows"]) for each in found["status"]["days"]] == [
        ("2023-12-18", "run1", 0),
        ("2023-12-19", None, 0),
        ("2023-12-20", "run2", 3),
    ]


def test_a_source_is_not_expected_from_its_removal_on(warehouse, published, note_markets, aws):
    """A daily run deletes no row of crypto.expected_markets. The next audit does."""
    sources = {"binance": {"symbols": ["BTCUSDT"]}, "coinbase": {"symbols": ["BTC-USDT"]}}
    aws.change(sources=sources)
    write_load(warehouse, "2023-12-18", 1)
    write_load(warehouse, "2023-12-18", 2, source="coinbase")
    note_markets("binance", "coinbase")
    aws.change(sources={"binance": sources["binance"]})
    write_load(warehouse, "2023-12-19", 3)
    note_markets("binance")
    found = published()
    assert {each["source"]: each["is_in_settings"] for each in found["status"]["sources"]} == {
        "binance": True,
        "coinbase": False,
    }
    (removed,) = (
        each for each in found["status"]["days"] if (each["source"], each["day"]) == ("coinbase", "2023-12-19")
    )
    assert (removed["markets"], removed["missing"]) == (0, {})
    of_coinbase = found["coverage_2023"]["markets"][1]
    assert (of_coinbase["is_in_settings"], of_coinbase["days"]) == (False, "g.")
    aws.change(sources=sources)
    assert published()["coverage_2023"]["markets"][1]["days"] == "gu"


def test_volumes_of_candles_of_a_second_that_no_type_can_add_up_do_not_stop_the_page(warehouse, published, aws):
    """A day has 86,400 of them, so each of these volumes is too large for a sum of a day, though not for 1,440."""
    aws.change(candle_interval="1s")
    write_load(warehouse, "2023-12-22", 1, interval="1s")
    opened = [datetime(2023, 12, 22, tzinfo=UTC) + timedelta(seconds=number) for number in range(1800)]
    for first in range(0, len(opened), 600):
        candles = ", ".join(
            f"('binance', 'BTC', 'USDT', '1s', '{opens_at:%Y-%m-%d %H:%M:%S}', 1, 2, 1, 2, 60000000000000000, 1, 1, "
            "NULL, 's3://x', '2023-12-23', 'b1')"
            for opens_at in opened[first : first + 600]
        )
        warehouse.execute_batch([f"INSERT INTO crypto.fact_crypto_prices VALUES {candles}"])
    assert published()["prices_0"]["daily"] == "2023-12-22,1,2,1,2,,1800"


def test_a_volume_that_no_type_can_add_up_does_not_stop_the_page(warehouse, published):
    write_load(warehouse, "2023-12-22", 1)
    candles = ", ".join(
        f"('binance', 'BTC', 'USDT', '1h', '2023-12-22 0{hour}:00:00', 1, 2, 1, 2, 99999999999999999999, 1, 1, NULL, "
        "'s3://x', '2023-12-23', 'b1')"
        for hour in range(3)
    )
    warehouse.execute_batch([f"INSERT INTO crypto.fact_crypto_prices VALUES {candles}"])
    assert published()["prices_0"]["daily"] == "2023-12-22,1,2,1,2,,3"
