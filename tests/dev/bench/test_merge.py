"""The rows of merge, plan and reconcile, measured in tiny warehouses."""

from __future__ import annotations

from dev.bench.merge import measures
from dev.bench.options import Options


def test_each_table_is_compared_with_the_smallest(starts_warehouse):
    rows = list(measures(Options(rounds=1, facts=(1, 2), fact_days=2), lambda _text: None))
    work = ("merge of a new day", "merge of a loaded day", "plan of a loaded day", "reconcile of a loaded day")
    assert [row.name for row in rows] == [f"{name} into {size} rows" for name in work for size in ("960", "1,920")]
    for smallest, larger in zip(rows[::2], rows[1::2], strict=True):
        assert (smallest.peer, smallest.goal) == (None, None)
        assert (larger.peer, larger.goal) == (smallest.ours, 1.3)
        assert smallest.ours > 0
        assert larger.ours > 0
