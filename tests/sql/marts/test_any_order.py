"""Whatever the order of loads: the marts are what a rebuild from nothing and an independent calculation give."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from crypto_prices.fetch.sources import source_kinds

from tests.support.long_tests import seeds
from tests.support.mart_oracle import Row, expected_marts, length
from tests.support.mart_refreshes import MARTS, Candle, Marts
from tests.support.random_loads import RandomLoads

STEPS = 10


PRICES = {"vwap", "sma_30", "sma_90", "rate", "usd_rate", "usd_price", "price"}
"""Prices have no absolute error. Of differences and deviations, digits are lost."""


def rounding(name: str, row: Row) -> float:
    """Return the absolute error that a floating-point number of a row can have."""
    if name == "vwap" and row["vwap_method"] == "typical":
        # Each candle's term has 12 decimal places.
        return float(row["candles"]) * 1e-12 / float(row["base_volume"])
    return 0 if name in PRICES else 1e-7


def is_same(found: Any, expected: Any, absolute: float) -> bool:
    """Return whether a value of a mart is the oracle's: exactly, but for floating-point numbers and logarithms."""
    if found is None or expected is None:
        return found is expected
    if isinstance(found, float):
        return math.isclose(found, float(expected), rel_tol=1e-9, abs_tol=absolute)
    if isinstance(expected, Decimal):
        return abs(Decimal(found) - expected) <= (Decimal("1e-12") if expected.as_tuple().exponent == -12 else 0)
    if isinstance(expected, date | datetime):
        return str(found) == str(expected)
    return bool(found == expected)


def differences(found: list[Row], expected: list[Row], mart: str) -> list[str]:
    """Return what differs between the rows of a mart and the oracle's."""
    names = MARTS[mart].split(", ")
    by_key = [{tuple(str(row[name]) for name in names): row for row in rows} for rows in (found, expected)]
    missing = [f"{mart}: only in one of them: {key}" for key in by_key[0].keys() ^ by_key[1].keys()]
    return missing + [
        f"{mart} {key} {name}: {row[name]!r}, expected {by_key[1][key][name]!r}"
        for key, row in by_key[0].items()
        if key in by_key[1]
        for name in row
        if not is_same(row[name], by_key[1][key][name], rounding(name, row))
    ]


def check(marts: Marts) -> None:
    """Compare refreshed marts with a rebuild, and with the oracle."""
    refreshed = marts.contents()
    marts.refresh(full=True)
    assert marts.contents() == refreshed
    expected = expected_marts(marts.candles(), source_kinds())
    assert [each for mart, rows in expected.items() for each in differences(refreshed[mart], rows, mart)] == []


@pytest.mark.parametrize("seed", seeds(3, 20))
def test_any_order_of_loads_gives_what_a_rebuild_and_the_oracle_give(marts, seed):
    sequence = RandomLoads(marts, seed)
    sequence.history()
    sequence.steps(STEPS)
    marts.refresh()
    check(marts)


@pytest.mark.parametrize("seed", seeds(3, 20))
def test_any_order_of_loads_and_bundles_gives_what_a_rebuild_and_the_oracle_give(marts, seed):
    sequence = RandomLoads(marts, seed)
    sequence.steps(STEPS, deploys=True)
    sequence.try_another_bundle()
    marts.refresh()
    check(marts)


LARGEST = "99999999999999999999.999999999999999999"
"""The largest number that a column of the fact table accepts."""


@pytest.mark.parametrize(
    ("price", "volume", "quote_volume"),
    [(LARGEST, LARGEST, LARGEST), ("60000000000000000000",) * 2 + (None,), ("1", LARGEST, "1"), (LARGEST, "1", None)],
)
def test_the_largest_numbers_never_stop_the_marts(marts, price, volume, quote_volume):
    start = datetime.fromisoformat("2024-01-01")
    for interval, opens_at, number in (("1d", start, 100), ("1h", start + timedelta(days=100), 240)):
        times = [opens_at + place * length(interval) for place in range(number)]
        values = (*[price] * 4, volume, quote_volume, 2**63 - 1)
        candles = [Candle("coinbase", "BTC", "USD", interval, each, *values) for each in times]
        candles.append(Candle("coinbase", "ETH", "USD", interval, times[-1], *["2"] * 6, 3))
        marts.load("coinbase", times[0].date(), times[-1].date() + timedelta(days=1), candles, interval)
    marts.refresh()
    assert {row["symbol"] for row in marts.rows("daily_prices")} == {"BTC", "ETH"}
    check(marts)
    for view in ("prices", "daily", "statistics", "venues", "consensus", "bars_4h", "bars_1w"):
        assert marts.client.run(f"SELECT * FROM crypto_views.{view}").error is None
