"""Whatever the order of loads: the marts are what a rebuild from nothing and an independent calculation give."""

from __future__ import annotations

import math
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from crypto_prices.fetch.sources import source_kinds

from tests.support.long_tests import seeds
from tests.support.mart_oracle import Row, expected_marts
from tests.support.mart_refreshes import MARTS, Marts
from tests.support.random_loads import RandomLoads

STEPS = 10


def is_same(found: Any, expected: Any) -> bool:
    """Return whether a value of a mart is the oracle's: exactly, but for floating-point numbers and logarithms."""
    if found is None or expected is None:
        return found is expected
    if isinstance(found, float):
        return math.isclose(found, float(expected), rel_tol=1e-9, abs_tol=1e-7)
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
        if not is_same(row[name], by_key[1][key][name])
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
