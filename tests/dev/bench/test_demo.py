"""The rows of the warm demos."""

from __future__ import annotations

from dev.bench.demo import measures
from dev.bench.options import Options
from tests.support.long_tests import takes_long

pytestmark = takes_long


def test_demos_are_compared_with_their_parts(starts_local_aws, starts_spark, starts_warehouse, starts_airflow):
    new, loaded = measures(Options(rounds=1), lambda _text: None)
    assert (new.name, loaded.name) == ("warm demo of a new day", "warm demo of a loaded day")
    assert (new.goal, loaded.goal) == (1.7, 1.3)
    for row in (new, loaded):
        assert row.peer is not None
        assert row.peer > 0
        assert row.ours > 0
