"""The row of a day of one-minute candles."""

from __future__ import annotations

import contextlib

from dev.bench import minutes
from dev.bench.options import Options
from tests.support.long_tests import takes_long

pytestmark = takes_long


def test_a_day_at_one_minute_is_compared_with_one_at_one_hour(platform, monkeypatch):
    monkeypatch.setattr(minutes, "loading_platform", lambda _folder: contextlib.nullcontext(platform))
    before = platform.responses()
    (row,) = minutes.measures(Options(rounds=1), lambda _text: None)
    # Two days at one hour, and one at one minute, whose candles take two responses. Each has a listing.
    assert platform.responses() - before == 21 + 21 + 41
    assert row.goal is None
    assert row.peer is not None
    assert row.peer > 0
    assert row.ours > 0
