"""Writes the rows of a statement as a table or as CSV. Independent of the warehouse."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import TextIO

from crypto_prices.aws.redshift_data import Value
from crypto_prices.counted import counted
from tabulate import tabulate  # type: ignore[import-untyped]

FORMATS = ("table", "csv")


def write_rows(output: TextIO, columns: Sequence[str], records: Sequence[Sequence[Value]], row_format: str) -> None:
    """Write rows with their column names. NULL is an empty cell.

    Args:
        output: The stream.
        columns: The names of the columns; none if the statement was not a query.
        records: The rows.
        row_format: One of FORMATS. A table ends with the number of rows.
    """
    if not columns:
        if row_format == "table":
            output.write("done; the statement returned no rows\n")
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
