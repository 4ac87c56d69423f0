"""The text of docs/reference/data-dictionary.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from crypto_prices_contract.data_dictionary import CATALOG_TABLE, WAREHOUSE_TABLES, Table
from crypto_prices_contract.mart_dictionary import MART_TABLES

from bundle.catalog_table import read_catalog_table
from local_platform.checkout import GLUE_SCRIPTS, PLUGINS

_PAGE = """\
<!-- Written by `make data-dictionary`. Edit plugins/crypto_prices_contract/data_dictionary.py instead. -->

# Data dictionary

This page lists every table and column of the warehouse and of the Glue Data Catalog. The same descriptions are
comments in both systems.

- **source** is an exchange field, a task of the DAGs, or a document that a task writes. *settings* is the Airflow
  Variable [`crypto_prices_settings`](settings.md).
- **type** is the type in Redshift or in the Glue catalog. `VARCHAR(n)` holds at most n bytes of UTF-8.
- **NULL** is the meaning of NULL. The cell is empty if the column is NOT NULL.

To read the comments in the warehouse:

```sql
SELECT table_name, remarks FROM svv_tables WHERE table_schema IN ('crypto', 'crypto_views');
SELECT table_name, column_name, remarks FROM svv_columns WHERE table_schema = 'crypto';
```

## Warehouse

The schema `crypto` in Redshift: {warehouse_names}.

{warehouse}
## Marts and views

The DAG `crypto_prices_marts` calculates the marts in the schema `crypto` from the fact table. The views in
`crypto_views` are for analysts; see [Analyze prices](../how-to/analyze-prices.md). In these tables, **source** is the
formula of the column. {mart_names}.

{marts}
## Glue Data Catalog

The table of the curated Parquet files, for Athena and Spark. Its partition keys are {partition_keys}.

{catalog}"""


def data_dictionary_page() -> str:
    """Return the page in Markdown.

    Raises:
        BundleError: The catalog table's columns do not have the same names in both of their definitions.
    """
    catalog = read_catalog_table(GLUE_SCRIPTS, PLUGINS)
    catalog_types = {column["Name"]: column["Type"] for column in [*catalog.columns, *catalog.partition_keys]}
    return _PAGE.format(
        warehouse_names=_names(WAREHOUSE_TABLES),
        warehouse=_sections(WAREHOUSE_TABLES),
        mart_names=_names(MART_TABLES),
        marts=_sections(MART_TABLES),
        partition_keys=", ".join(f"`{key['Name']}`" for key in catalog.partition_keys),
        catalog=_section(CATALOG_TABLE, catalog_types),
    )


def _names(tables: Sequence[Table]) -> str:
    return ", ".join(f"[`{table.title}`](#{table.title.replace('.', '')})" for table in tables)


def _sections(tables: Sequence[Table]) -> str:
    return "\n".join(_section(table, {column.name: column.type for column in table.columns}) for table in tables)


def _section(table: Table, types: Mapping[str, str]) -> str:
    lines = [
        f"### {table.title}",
        "",
        table.comment,
        "",
        "| column | type | meaning | unit | source | NULL |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for column in table.columns:
        cells = (f"`{column.name}`", f"`{types[column.name]}`", column.meaning, column.unit, column.source)
        lines.append(f"| {' | '.join(cells)} | {column.null or ''} |".replace("|  |", "| |"))
    return "\n".join(lines) + "\n"
