"""The rows of merge, plan and reconcile, measured in tiny warehouses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from dev.bench.filled_warehouse import FilledWarehouse, data_api
from dev.bench.merge import Loads, measures
from dev.bench.options import Options
from local_aws.redshift.warehouse import Warehouse

MARKETS = tuple(f"COIN{number:02d}/USDT" for number in range(20))
DAY_ROWS = 24 * len(MARKETS)
LAST_DAY = date(2023, 12, 31)


def test_each_table_is_compared_with_the_smallest(starts_warehouse):
    rows = list(measures(Options(rounds=1, facts=(1, 2), fact_days=2), lambda _text: None))
    work = (
        "merge of a new day",
        "merge of a loaded day",
        "merge of a restated day",
        "plan of a loaded day",
        "reconcile of a loaded day",
    )
    assert [row.name for row in rows] == [f"{name} into {size} rows" for name in work for size in ("960", "1,920")]
    for smallest, larger in zip(rows[::2], rows[1::2], strict=True):
        assert (smallest.peer, smallest.goal) == (None, None)
        assert (larger.peer, larger.goal) == (smallest.ours, 1.3)
        assert smallest.ours > 0
        assert larger.ours > 0


@pytest.fixture
def warehouse(starts_warehouse: None, tmp_path: Path) -> Iterator[Warehouse]:
    """Yield an empty warehouse."""
    with Warehouse(tmp_path / "warehouse") as started:
        yield started


def test_a_loaded_day_changes_no_candle_and_a_restated_one_changes_all(warehouse):
    with data_api(warehouse) as api:
        check_versions(
            warehouse, FilledWarehouse(warehouse, api, "three_days", markets=MARKETS, last_day=LAST_DAY, days=3)
        )


def check_versions(warehouse, filled):
    def count(table, where="TRUE"):
        with warehouse.connect("three_days") as connection:
            return connection.execute(f"SELECT count(*) FROM crypto.{table} WHERE {where}").fetchone()[0]

    # The loads before, as in production: one row per load, and the former values of the candles that they changed.
    assert count("load_log", "visible_at IS NOT NULL") == filled.newest_load == 6
    versions = count("price_versions")
    assert versions == 3
    loads = Loads(filled, loaded_day=LAST_DAY)
    loads.merge_loaded_day()
    assert count("price_versions") == versions
    for total in (1, 2):
        loads.merge_restated_day()
        assert count("price_versions") == versions + total * DAY_ROWS
    assert count("load_log") == 9
