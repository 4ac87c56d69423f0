"""The rows of a backfill, measured with few days."""

from __future__ import annotations

import contextlib

from dev.bench import backfill
from dev.bench.options import Options
from tests.support.long_tests import takes_long

pytestmark = takes_long


def test_a_backfill_is_compared_with_single_days(platform, monkeypatch):
    monkeypatch.setattr(backfill, "loading_platform", lambda _folder: contextlib.nullcontext(platform))
    time, memory, requests = backfill.measures(Options(backfill_days=2, single_days=1), lambda _text: None)
    assert time.name == "2 days x 20 markets by crypto_prices_backfill, day by day extrapolated from 1"
    assert time.goal == 1 / 20
    assert time.peer is not None
    assert time.peer > 0
    assert time.ours > 0
    assert (memory.unit, memory.goal) == ("MB", None)
    assert memory.ours > 500  # Airflow alone needs more
    # One response with the candles of each of 20 markets, and their listing.
    assert (requests.ours, requests.unit) == (21, "requests")
