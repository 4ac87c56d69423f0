"""Writes the rows of a statement as a table or as CSV. Independent of the warehouse."""

from __future__ import annotations

import csv
from typing import TextIO

from crypto_prices.aws.redshift_data import StatementResult, Value
from crypto_prices.counted import counted
from tabulate import tabulate  # type: ignore[import-untyped]

FORMATS = ("table", "csv")


def write_rows(output: TextIO, result: StatementResult, row_format: str) -> None:
    """Write rows with their column names. NULL is an empty cell.

    Args:
        output: The stream.
        result: The statement's result.
        row_format: One of FORMATS. A table ends with the number of rows. A statement that is not a query has only that.
    """
    columns, records, row_total = result
    if not columns:
        if row_format == "table":
            changed = "no rows returned" if row_total is None else f"{counted(row_total, 'row')} changed"
            output.write(f"done; {changed}\n")
    elif row_format == "csv":
        writer = csv.writer(output, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_text(value) for value in record] for record in records)
    else:
        cells = [[_text(value) for value in record] for record in records]
        output.write(tabulate(cells, headers=columns, tablefmt="presto", disable_numparse=True) + "\n")
        output.write(f"({counted(len(records), 'row')})\n")
    output.flush()


def _text(value: Value) -> str:
    if value is None:
        return ""
    # As psql and the Data API's other clients write it, not as Python does.
    return str(value).lower() if isinstance(value, bool) else str(value)
