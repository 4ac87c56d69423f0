"""What a source's parser has to say: how bodies split into records, and where each field's text is in a record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import Column


@dataclass(frozen=True)
class RecordTexts:
    """Where the fields of a record are, each as its exact JSON text ('"0.10"', '17', 'null'; NULL if there is none).

    Turning the texts into types is the same for every source and not the parser's work.

    Attributes:
        well_formed: Whether the record has the shape of this source at all; never NULL.
        open_time: Open time of the candle since 1970-01-01 UTC, in the source's unit.
        values: The text of each curated number that the source gives, by curated column name.
        close_time: Close time of the candle, the last millisecond in it; None where the source gives none.
        optional: The names in ``values`` that may be JSON null.
    """

    well_formed: Column
    open_time: Column
    values: Mapping[str, Column]
    close_time: Column | None = None
    optional: frozenset[str] = frozenset()


@dataclass(frozen=True)
class SourceParser:
    """The parser of one source.

    Attributes:
        split_body: Body text -> ``array<string>`` of the records' exact texts, NULL where it is no body of this source.
        split_record: Record text -> its fields, computed once per record; NULL where it is no record of this source.
        locate_fields: What ``split_record`` gave -> where each field is.
        time_unit_ms: Milliseconds of the unit that times are in: 1, or 1000 for seconds.
        may_exceed_window: The source is known to answer with more than the window that it was asked for: such records
            are surplus, neither curated nor quarantined. For other sources they are wrong.
        latest_in_interval_ms: Most milliseconds that a time may come after the start of the interval it lies in. Not 0
            for a source that has no candles but prices at instants: they are taken as the open prices.
    """

    split_body: Callable[[Column], Column]
    split_record: Callable[[Column], Column]
    locate_fields: Callable[[Column], RecordTexts]
    time_unit_ms: int = 1
    may_exceed_window: bool = False
    latest_in_interval_ms: int = 0
