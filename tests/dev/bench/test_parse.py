"""The rows of the parse."""

from __future__ import annotations

from dev.bench.options import Options
from dev.bench.parse import measures


def test_dags_are_parsed_beside_a_hello_world():
    first, imported = measures(Options(rounds=1), lambda _text: None)
    assert (first.goal, imported.goal) == (1.15, 5.0)
    for row in (first, imported):
        assert row.peer is not None
        assert row.peer > 0
        assert row.ours > 0
