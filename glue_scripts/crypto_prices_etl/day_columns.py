"""The partition columns of rows, and the number of rows by day. Neither is slower for more days."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from crypto_prices_contract.s3_keys import partition_values
from pyspark.sql import functions as sf

from crypto_prices_etl.candle_intervals import DAY_MS
from crypto_prices_etl.exact_counts import counted, counts_by
from crypto_prices_etl.schemas import PARTITION_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import Column

_FORMATS = {"year": "yyyy", "month": "MM", "day": "dd"}
_EPOCH = dt.date(1970, 1, 1)


def day_number() -> Column:
    """Return the number of days from 1970-01-01 to a row's day."""
    return sf.call_function("div", sf.unix_millis("observed_at"), sf.lit(DAY_MS)).cast("int")


def partition_columns(days: Sequence[dt.date]) -> dict[str, Column]:
    """Return the columns that name a row's folder.

    Args:
        days: Consecutive days, which most rows are on. Formatting a timestamp takes longer than parsing a price, so
            these days are looked up.

    Returns:
        The columns by name, which are never NULL. A row without a time has the folder "none". The audit accepts no file
        there.
    """
    names = [c.name for c in PARTITION_COLUMNS]
    values = [dict(zip(names, partition_values(day), strict=True)) for day in days]
    struct = ",".join(f"{name}:string" for name in names)
    constant = sf.from_json(sf.lit(json.dumps(values)), f"array<struct<{struct}>>")
    listed = sf.get(constant, day_number() - (days[0] - _EPOCH).days)
    # If a partition column can be NULL, Spark adds a step before the write that copies every row.
    return {
        name: sf.coalesce(listed[name], sf.date_format("observed_at", _FORMATS[name]), sf.lit("none")) for name in names
    }


def rows_by_day() -> Column:
    """Return the metric to observe for ``days_counted``."""
    return counts_by(day_number())


def days_counted(bins: Iterable[Any] | None) -> dict[dt.date, int]:
    """Return the number of rows of each day that has rows."""
    return {_EPOCH + dt.timedelta(number): rows for number, rows in counted(bins).items()}
