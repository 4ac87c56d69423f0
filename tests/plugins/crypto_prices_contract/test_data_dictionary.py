import re
from collections import Counter

import pytest
from crypto_prices_contract.data_dictionary import CATALOG_TABLE, CURATED_COLUMNS, WAREHOUSE_TABLES
from crypto_prices_contract.mart_dictionary import MART_TABLES
from crypto_prices_etl import schemas

TABLES = [*WAREHOUSE_TABLES, *MART_TABLES, CATALOG_TABLE]
COLUMNS = {f"{table.title}.{column.name}": column for table in TABLES for column in table.columns}


@pytest.mark.parametrize("column", COLUMNS.values(), ids=COLUMNS)
def test_a_column_has_meaning_type_unit_and_source(column):
    for part in (column.meaning, column.type, column.unit, column.source, column.null):
        assert part is None or re.fullmatch(r"\S(.*[^\s.])?", part), part


def test_a_comment_consists_of_these_parts():
    by_name = {column.name: column for column in CURATED_COLUMNS}
    assert by_name["high_price"].comment == (
        "Highest price of the candle. Type: DECIMAL(38,18). Unit: quote currency per unit of base currency. "
        "Source: high (exchanges). NULL: the source has prices, but no candles (CoinGecko)."
    )
    assert by_name["ingested_at"].comment == (
        "Time when the raw response arrived. Type: TIMESTAMP. Unit: UTC. Source: raw manifest."
    )


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.title)
def test_a_table_has_a_comment_and_each_column_once(table):
    assert re.fullmatch(r"[A-Z].+\. Source: [^.]+\.", table.comment)
    assert max(Counter(column.name for column in table.columns).values()) == 1


def test_the_curated_columns_have_the_types_and_nullability_of_the_glue_job():
    defined = [*schemas.CURATED_COLUMNS, *schemas.PARTITION_COLUMNS]
    assert [(c.name, c.type, c.null is not None) for c in CATALOG_TABLE.columns] == [
        (c.name, schemas.redshift_type(c.type), c.nullable) for c in defined
    ]
