"""The role crypto_readers sees the views in crypto_views, and nothing else of the platform."""

from __future__ import annotations

from datetime import date, timedelta

import psycopg
import pytest
from crypto_prices_contract.data_dictionary import WAREHOUSE_TABLES
from crypto_prices_contract.mart_dictionary import MART_TABLES

from tests.support.mart_refreshes import DAY, Marts, load
from tests.support.window_loads import BTC, candles

VIEWS = [table for table in MART_TABLES if table.is_view]
HIDDEN = [table for table in (*WAREHOUSE_TABLES, *MART_TABLES) if table.schema == "crypto"]


@pytest.fixture(scope="module")
def filled(session_client, warehouse):
    """Marts with two days."""
    marts = Marts(session_client, warehouse)
    marts.empty()
    load(marts, DAY)
    load(marts, DAY + timedelta(days=1), "101")
    marts.refresh()
    return warehouse


@pytest.fixture
def reader(filled):
    """Return a session of a user with only this role."""
    with filled.connect("crypto", autocommit=True) as connection:
        connection.execute("SET ROLE crypto_readers")
        yield connection


def test_it_reads_every_view(reader):
    rows = {view.name: reader.execute(f"SELECT * FROM crypto_views.{view.name}").fetchall() for view in VIEWS}
    # Other tests of the same warehouse can have left some.
    assert {name for name, found in rows.items() if not found} <= {"gaps", "restatements"}
    assert len(rows["daily"]) == 2


@pytest.mark.parametrize("table", HIDDEN, ids=lambda table: table.name)
def test_it_reads_no_table_of_the_platform(reader, table):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        reader.execute(f"SELECT * FROM crypto.{table.name}")


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM crypto.daily_prices",
        "DELETE FROM crypto_views.sources",
        "UPDATE crypto_views.prices SET close_price = 1",
        "INSERT INTO crypto_views.sources VALUES ('x', 'exchange')",
        "CREATE TABLE crypto_views.mine (x integer)",
        "CREATE VIEW crypto.mine AS SELECT 1",
        "DROP VIEW crypto_views.daily",
        "CREATE OR REPLACE VIEW crypto_views.sources AS SELECT 'x' AS source, 'y' AS kind",
        "CALL crypto.ensure_role('other')",
        "CREATE ROLE other",
        "GRANT SELECT ON crypto.fact_crypto_prices TO crypto_readers",
    ],
)
def test_it_changes_nothing(reader, statement):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        reader.execute(statement)


def test_a_role_that_exists_is_not_created_again(marts):
    roles = "SELECT COUNT(*) FROM svv_roles WHERE role_name = 'crypto_readers'"
    assert marts.client.rows(roles) == [[1]]
    marts.client.ok("CALL crypto.ensure_role('crypto_readers')")
    assert marts.client.rows(roles) == [[1]]


def test_bars_add_up(marts):
    start = date(2024, 1, 1)
    for day in range(7):
        load(marts, start + timedelta(days=day), str(100 + day))
    marts.refresh()
    (week,) = marts.client.rows(
        "SELECT CAST(opens_at AS VARCHAR(32)), CAST(closes_at AS VARCHAR(32)), CAST(open_price AS DECIMAL(12, 2)), "
        "CAST(close_price AS DECIMAL(12, 2)), CAST(base_volume AS DECIMAL(12, 2)), days, is_complete "
        "FROM crypto_views.bars_1w"
    )
    assert week == ["2024-01-01 00:00:00", "2024-01-08 00:00:00", "100.00", "106.00", "168.00", 7, True]
    bars = marts.client.rows(
        "SELECT CAST(opens_at AS VARCHAR(32)), CAST(closes_at AS VARCHAR(32)), CAST(base_volume AS DECIMAL(12, 2)), "
        "candles, is_complete FROM crypto_views.bars_4h WHERE opens_at >= '2024-01-07' ORDER BY opens_at"
    )
    assert len(bars) == 6
    assert bars[-1] == ["2024-01-07 20:00:00", "2024-01-08 00:00:00", "4.00", 4, True]


def test_coverage_shows_the_reasons_of_missing_candles(client, make_load):
    make_load(candles(BTC, hours=range(20))).complete()
    found = client.rows(
        "SELECT symbol, candles, gap_reason, gap_ranges, missing_candles, CAST(last_closes_at AS VARCHAR(32)) "
        "FROM crypto_views.market_coverage"
    )
    assert found == [["BTC", 20, "no_trade", 1, 4, "2023-12-18 20:00:00"]]
