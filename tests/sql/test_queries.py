"""sql/queries, on the warehouse's tables."""

from __future__ import annotations

import pytest
from crypto_prices_etl import schemas

from tests.support.rendered_sql import rendered_sql
from tests.support.window_loads import BTC, candles

LINEAGE = ("raw_object", "ingested_at", "batch_id")
"""Columns with the origin of a row instead of the exchange's values."""
OTHERS = {
    schemas.Varchar: "'other'",
    schemas.Timestamp: "'2024-02-29'",
    schemas.Decimal: "9",
    schemas.BigInt: "9",
}


def checksum(client):
    (row,) = client.rows(rendered_sql("queries/fact_checksum.sql"))
    return row


class TestFactChecksum:
    @pytest.mark.parametrize("column", schemas.CURATED_COLUMNS, ids=lambda column: column.name)
    def test_it_covers_only_the_exchanges_values(self, client, make_load, column):
        make_load(candles(BTC)).merged()
        before = checksum(client)
        client.ok(
            f"UPDATE crypto.fact_crypto_prices SET {column.name} = {OTHERS[type(column.type)]} "
            "WHERE observed_at = '2023-12-18 01:00:00'"
        )
        assert (checksum(client) == before) == (column.name in LINEAGE)
