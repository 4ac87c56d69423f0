"""A load, and the plan of a backfill, scan the pages of their days, however many other days are loaded."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from crypto_prices.task_statements import MERGE_INTO_FACT

from dev.bench.day_load import DayLoad
from dev.bench.filled_warehouse import FilledWarehouse, data_api
from local_aws.redshift.warehouse import Warehouse

DATABASE = "forty_days"
LAST_DAY = date(2023, 12, 31)
MARKETS = [f"COIN{number:02d}/USDT" for number in range(20)]
LARGE = ("fact_crypto_prices", "data_quality_results")
"""Tables that grow with every load, and that are so large here that PostgreSQL uses their zone maps."""


@pytest.fixture(scope="module")
def filled(warehouse: Warehouse) -> FilledWarehouse:
    with data_api(warehouse) as api:
        return FilledWarehouse(warehouse, api, DATABASE, markets=MARKETS, last_day=LAST_DAY, days=40)


def scanned_rows(warehouse: Warehouse) -> dict[str, int]:
    """Return the number of rows that scans of a whole table have read, by table. No Data API may be open."""
    sessions = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND datname = %s"
    scanned = "SELECT relname, seq_tup_read FROM pg_stat_user_tables WHERE schemaname = 'crypto'"
    # A session reports what it has read when it ends, which is soon after its client has closed it.
    with warehouse.connect("postgres", autocommit=True) as connection:
        while connection.execute(sessions, [DATABASE]).fetchone() != (0,):
            connection.execute("SELECT pg_sleep(0.01)")
    with warehouse.connect(DATABASE) as connection:
        return dict(connection.execute(scanned).fetchall())


@pytest.mark.parametrize("day", [LAST_DAY + timedelta(days=1), LAST_DAY - timedelta(days=20)], ids=["new", "loaded"])
@pytest.mark.parametrize(
    "files",
    [
        MERGE_INTO_FACT,
        ("plan/find_current_loads.sql",),
        ("reconcile/find_loads_of_window.sql",),
        ("backfill/find_loads.sql",),
    ],
    ids=["merge", "plan", "reconcile", "backfill"],
)
def test_no_large_table_is_scanned_as_a_whole(warehouse, filled, day, files):
    load = DayLoad(day, MARKETS, f"run of {day}", datetime.now(UTC))
    if files == MERGE_INTO_FACT:
        with data_api(warehouse) as filled.api:
            filled.stage(load)
    before = scanned_rows(warehouse)
    with data_api(warehouse) as filled.api:
        filled.seconds(*load.sql(files))
    after = scanned_rows(warehouse)
    with warehouse.connect(DATABASE) as connection:
        totals = {name: connection.execute(f"SELECT count(*) FROM crypto.{name}").fetchone()[0] for name in LARGE}
    # Zone maps of new pages are made from a scan of these pages.
    assert [name for name in LARGE if after[name] - before[name] >= totals[name]] == []
