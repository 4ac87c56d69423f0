"""The parser of sources that send an array of arrays: a candle is a row, and every row has the same columns."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from pyspark.sql import functions as sf

from crypto_prices_etl.exact_json import array_elements
from crypto_prices_etl.parsers.base import RecordTexts, SourceParser

if TYPE_CHECKING:
    from pyspark.sql import Column


def parser_of_rows(
    *columns: str, optional: Collection[str] = (), time_unit_ms: int = 1, may_exceed_window: bool = False
) -> SourceParser:
    """Return the parser of bodies such as ``[[1702857600000,"42000.10",17],…]``.

    Args:
        columns: The names of a row's columns in order, as in ``SourceParser.plain_fields``.
        optional: The columns that may be JSON null.
        time_unit_ms: See ``SourceParser``.
        may_exceed_window: See ``SourceParser``.
    """

    def locate_fields(fields: Column) -> RecordTexts:
        texts = {name: sf.get(fields, sf.lit(place)) for place, name in enumerate(columns) if name}
        return RecordTexts(
            # Another column at the end would be an addition, which does no harm. A missing column would.
            well_formed=sf.coalesce(sf.size(fields) >= len(columns), sf.lit(False)),
            open_time=texts.pop("observed_at"),
            close_time=texts.pop("close_time", None),
            values=texts,
            optional=frozenset(optional),
        )

    return SourceParser(
        split_body=array_elements,
        split_record=array_elements,
        locate_fields=locate_fields,
        plain_fields=columns,
        time_unit_ms=time_unit_ms,
        may_exceed_window=may_exceed_window,
    )
