"""A load, and the plan of a backfill, scan the pages of their days, however many other days are loaded."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta

import pytest
from crypto_prices.task_statements import MERGE_INTO_FACT, RECORD_LOAD

from dev.bench.day_load import DayLoad
from dev.bench.filled_warehouse import FilledWarehouse, data_api
from local_aws.redshift.warehouse import Warehouse

DATABASE = "many_days"
DAYS = 10_000
FIRST_DAY = date(1996, 8, 16)
MARKETS = ["BTC/USDT"]
LARGE = (
    "fact_crypto_prices",
    "price_versions",
    "etl_metadata",
    "load_log",
    "candle_gaps",
    "data_quality_results",
)
"""Tables that grow with every load. All are so large here that PostgreSQL uses their zone maps."""


@pytest.fixture(scope="module")
def filled(warehouse: Warehouse) -> FilledWarehouse:
    last_day = FIRST_DAY + timedelta(days=DAYS - 1)
    with data_api(warehouse) as api:
        return FilledWarehouse(warehouse, api, DATABASE, markets=MARKETS, last_day=last_day, days=DAYS)


def scanned_rows(warehouse: Warehouse) -> dict[str, int]:
    """Return the number of rows that scans of a whole table have read, by table. No Data API may be open."""
    # A session reports what it has read when it ends, which is soon after its client has closed it.
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    scanned = "SELECT relname, seq_tup_read FROM pg_stat_user_tables WHERE schemaname = 'crypto'"
    deadline = time.monotonic() + 60
    # The observer's session stays open.
    with warehouse.observer(DATABASE) as connection:
        while connection.execute(others).fetchone() != (0,):
            assert time.monotonic() < deadline, "a session did not end"
            time.sleep(0.01)
        return dict(connection.execute(scanned).fetchall())


MERGE, PLAN = MERGE_INTO_FACT, ("plan/find_current_loads.sql",)
PUBLISH = ("publish/find_load_order.sql", "publish/find_market_sets.sql", *RECORD_LOAD)
RECONCILE = ("reconcile/find_loads_of_window.sql",)
BACKFILL = ("backfill/find_loads.sql", "backfill/count_rows_of_loads.sql", "backfill/find_market_sets.sql")


@pytest.mark.parametrize("place", [DAYS, DAYS // 2], ids=["new", "loaded"])
@pytest.mark.parametrize(
    "files",
    [MERGE, PLAN, PUBLISH, RECONCILE, BACKFILL],
    ids=["merge", "plan", "publish", "reconcile", "backfill"],
)
def test_no_large_table_is_scanned_as_a_whole(warehouse, filled, place, files):
    load = DayLoad(FIRST_DAY + timedelta(days=place), MARKETS, f"run of day {place}", datetime.now(UTC))
    if files == MERGE:
        with data_api(warehouse) as filled.api:
            filled.stage(load)
    with warehouse.connect(DATABASE) as connection:
        totals = {name: connection.execute(f"SELECT count(*) FROM crypto.{name}").fetchone()[0] for name in LARGE}
    before = scanned_rows(warehouse)
    with data_api(warehouse) as filled.api:
        filled.seconds(*load.sql(files))
    after = scanned_rows(warehouse)
    # Zone maps of new pages are made from a scan of these pages.
    assert {name: rows for name in LARGE if (rows := after[name] - before[name]) >= totals[name]} == {}


@pytest.mark.parametrize("view", ["prices", "price_history", "restatements"])
@pytest.mark.parametrize("has_range", [True, False])
def test_only_a_range_of_opens_at_keeps_an_analyst_from_scanning_all_candles(warehouse, filled, view, has_range):
    day = FIRST_DAY + timedelta(days=DAYS // 2)
    closed = f"closes_at <= '{day} 13:30' AND closes_at > '{day} 12:30'"
    opened = f" AND opens_at >= '{day} 11:30' AND opens_at < '{day} 13:30'" if has_range else ""
    with warehouse.connect(DATABASE) as connection:
        (total,) = connection.execute("SELECT count(*) FROM crypto.fact_crypto_prices").fetchone()
    before = scanned_rows(warehouse)["fact_crypto_prices"]
    with data_api(warehouse) as filled.api:
        filled.seconds(f"SELECT closes_at FROM crypto_views.{view} WHERE {closed}{opened}")
    assert (scanned_rows(warehouse)["fact_crypto_prices"] - before < total) is has_range
