"""Counts by value in one metric, because a counter per value takes time per value and row, and code per value.

Spark's histogram is exact until it has more values than bins. Then it joins the closest bins, and their middle is
between values. It never joins bins here, because each task adds a bin for each of its values, and there are far more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as sf

if TYPE_CHECKING:
    from pyspark.sql import Column

_BINS = 1_000_000  # memory is used only for the bins that have values


def counts_by(number: Column) -> Column:
    """Return the metric to observe for ``counted``: the number of rows of each whole number."""
    return sf.histogram_numeric(number.cast("double"), sf.lit(_BINS))


def counted(bins: Iterable[Any] | None) -> dict[int, int]:
    """Return the number of rows of each value that was observed.

    If bins were joined, those between values are left out, so that the sum is too small.
    """
    rows = Counter[int]()
    for middle, count in bins or ():
        if middle == int(middle):
            rows[int(middle)] += int(count)
    return dict(rows)
