"""The text of docs/reference/data-dictionary.md."""

from __future__ import annotations

from collections.abc import Mapping

from crypto_prices_contract.data_dictionary import CATALOG_TABLE, WAREHOUSE_TABLES, Table

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
SELECT table_name, remarks FROM svv_tables WHERE table_schema = 'crypto';
SELECT table_name, column_name, remarks FROM svv_columns WHERE table_schema = 'crypto';
```

## Warehouse

The schema `crypto` in Redshift: {warehouse_names}.

{warehouse}
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
        warehouse_names=", ".join(f"[`{table.name}`](#{table.name})" for table in WAREHOUSE_TABLES),
        warehouse="\n".join(
            _section(table, {column.name: column.type for column in table.columns}) for table in WAREHOUSE_TABLES
        ),
        partition_keys=", ".join(f"`{key['Name']}`" for key in catalog.partition_keys),
        catalog=_section(CATALOG_TABLE, catalog_types),
    )


def _section(table: Table, types: Mapping[str, str]) -> str:
    lines = [
        f"### {table.name}",
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
