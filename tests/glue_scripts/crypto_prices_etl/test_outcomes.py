"""The outcomes of records: every row rule and every kind of copy, in one pass over a few raw objects."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal

import pytest
from crypto_prices_etl.curation import outcomes_of
from crypto_prices_etl.quality import REASONS
from crypto_prices_etl.raw_manifests import read_raw_manifests

# hour -> (changes of a valid kline, or the whole record, or its text) and its outcome. There is one record per hour, so
# that no record is a copy of another.
RULES = {
    "good": ({}, "curated"),
    "zero volume is a quiet hour": ({"volume": "0.00000000", "quote_volume": "0", "trades": 0}, "curated"),
    "optional numbers may be null": ({"quote_volume": None, "trades": None}, "curated"),
    "numbers need no quotes": ({"open": 42000.5}, "curated"),
    "exponents that fit": ({"volume": "1.25e-7"}, "curated"),
    "a field more": ({"more": "new"}, "curated"),
    "object": ({"open_time": 1}, "malformed_record"),
    "too short": ([1702857600000, "1"], "malformed_record"),
    "not an array": (17, "malformed_record"),
    "no open time": ({"open_time": None}, "unparseable_observed_at"),
    "open time beyond timestamps": ({"open_time": 9_000_000_000_000_000_000}, "unparseable_observed_at"),
    "empty price": ({"open": ""}, "unparseable_open_price"),
    "null price": ({"high": None}, "unparseable_high_price"),
    "NaN price": ({"low": "NaN"}, "unparseable_low_price"),
    "infinite price": ({"close": "Infinity"}, "unparseable_close_price"),
    "19 decimals": ({"open": "42000.1000000000000000001"}, "unparseable_open_price"),
    "21 integer digits": ({"volume": "100000000000000000000"}, "unparseable_base_volume"),
    "quote volume that is not a number": ({"quote_volume": "many"}, "unparseable_quote_volume"),
    "half a trade": ({"trades": 1.5}, "unparseable_trade_count"),
    "no close time": ({"close_time": None}, "unparseable_close_time"),
    "zero price": ({"open": "0", "low": "0"}, "non_positive_price"),
    "negative price": ({"low": "-1"}, "non_positive_price"),
    "open above high": ({"open": "42100.00000002"}, "price_out_of_range"),
    "close below low": ({"close": "41000.4"}, "price_out_of_range"),
    "low above high": ({"low": "42101", "high": "42099"}, "price_out_of_range"),
    "negative volume": ({"volume": "-0.000000000000000001"}, "negative_volume"),
    "negative quote volume": ({"quote_volume": "-1"}, "negative_volume"),
    "negative trade count": ({"trades": -1}, "negative_trade_count"),
    "day before": ({"open_time": 1702857600000 - 1}, "outside_window"),
    "day after": ({"open_time": 1702944000000}, "outside_window"),
    "half past": ({"open_time": 1702857600000 + 1_800_000}, "off_grid"),
    "still open": ({"close_time": 1702944000000 + 7}, "candle_not_closed"),
    "cut short": ({"close_time": 1702857600000 + 60_000}, "candle_not_closed"),
    "two faults, the first one counts": ({"open": "x", "volume": "-1"}, "unparseable_open_price"),
}


@pytest.fixture(scope="module")
def judged(spark, lake, kline, arguments):
    """Rows by (exchange symbol, position). Each rule has its own symbol, so its records are never copies of others."""
    bodies = {}
    for number, (change, _) in enumerate(RULES.values()):
        record = change
        if isinstance(change, dict):
            more = [change["more"]] if "more" in change else []
            known = {name: value for name, value in change.items() if name != "more"}
            record = {"not": "a kline"} if change == {"open_time": 1} else kline(**known) + more
        bodies[f"R{number}USDT"] = json.dumps([record])
    same = kline(1)
    bodies["COPYUSDT"] = json.dumps(
        [
            same,
            kline(1, open="42000.1"),  # the same number with other digits, and different fields that are not curated
            kline(1, taker_base="9"),
            kline(2),
            kline(2, close="42050.26"),
            kline(2),
            kline(3),
            kline(3, open="x"),  # a rejected record conflicts with no other
            kline(4, quote_volume=None),
            kline(4, quote_volume=None),
            kline(5, quote_volume=None),
            kline(5),
        ]
    )
    manifest = lake.raw(bodies)
    run = arguments(manifest)
    outcomes, _ = outcomes_of(spark, read_raw_manifests(lake.s3, run.raw_manifests, run.window), run)
    assert outcomes.rdd.getNumPartitions() <= 4
    return {(r["exchange_symbol"], r["record_position"]): r for r in outcomes.collect()}


@pytest.mark.parametrize("case", RULES)
def test_rules(judged, case):
    number = list(RULES).index(case)
    assert judged[f"R{number}USDT", 0]["outcome"] == RULES[case][1]


def test_every_reason_is_tested():
    untested = set(REASONS) - {outcome for _, outcome in RULES.values()}
    # Binance has no market capitalization. Copies are tested below.
    assert untested == {"unparseable_market_cap", "conflicting_duplicate"}


def test_copies(judged):
    outcomes = [judged["COPYUSDT", n]["outcome"] for n in range(12)]
    assert outcomes == [
        "curated", "duplicate", "duplicate",
        "conflicting_duplicate", "conflicting_duplicate", "conflicting_duplicate",
        "curated", "unparseable_open_price",
        "curated", "duplicate",
        "conflicting_duplicate", "conflicting_duplicate",
    ]  # fmt: skip


def test_a_curated_row_has_every_column_exactly(judged):
    row = judged["R0USDT", 0]
    assert row["open_price"] == Decimal("42000.1")
    assert row["high_price"] == Decimal("42100.00000001")
    assert row["quote_volume"] == Decimal("525000.125")
    assert (row["trade_count"], row["market_cap"]) == (17, None)
    assert (row["source"], row["symbol"], row["quote_currency"], row["candle_interval"]) == (
        "binance",
        "R0",
        "USDT",
        "1h",
    )
    assert row["raw_object"].endswith("/R0USDT-0001.json.gz")
    assert row["batch_id"] == "scheduled__2023-12-18"
    assert (row["year"], row["month"], row["day"]) == ("2023", "12", "18")
    number = list(RULES).index("exponents that fit")
    assert judged[f"R{number}USDT", 0]["base_volume"] == Decimal("0.000000125")


def test_times_are_utc(judged, spark):
    assert spark.conf.get("spark.sql.session.timeZone") == "UTC"
    row = judged["COPYUSDT", 0]
    # collect() returns naive times in this process's zone. Only their instants matter.
    assert row["observed_at"].astimezone(dt.UTC) == dt.datetime(2023, 12, 18, 1, tzinfo=dt.UTC)
    assert row["ingested_at"].astimezone(dt.UTC) == dt.datetime(2023, 12, 19, 0, 5, 1, 123456, tzinfo=dt.UTC)
