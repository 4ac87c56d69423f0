"""The interface of a source's parser: how bodies split into records, and where each field's text is in a record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import Column


@dataclass(frozen=True)
class RecordTexts:
    """The fields of a record, each as its exact JSON text ('"0.10"', '17', 'null'; NULL if the field is missing).

    The conversion of texts to types is the same for all sources and not part of a parser.

    Attributes:
        well_formed: Whether the record has this source's structure; never NULL.
        open_time: Open time of the candle since 1970-01-01 UTC, in the source's unit.
        values: The text of each curated number that the source has, by curated column name.
        close_time: Close time of the candle, its last millisecond; None if the source has none.
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
        split_body: Body text -> ``array<string>`` of the records' exact texts; NULL if the body is not this source's.
        split_record: Record text -> its fields, computed once per record; NULL if the record is not this source's.
        locate_fields: Result of ``split_record`` -> the fields.
        plain_fields: The names of a record's fields, if the source usually sends an array of arrays of numbers:
            "observed_at", "close_time", curated numbers, and "" for numbers that are not curated. Bodies of exactly
            this form are parsed faster (see ``plain_bodies``). Empty if there is no such form.
        time_unit_ms: The unit of times, in milliseconds: 1, or 1000 for seconds.
        may_exceed_window: Whether the source is known to send records outside the requested window. Such records are
            surplus: neither curated nor quarantined. For other sources they are errors.
        latest_in_interval_ms: Maximum distance of a time from the start of its interval, in milliseconds. It is not 0
            for a source that has prices at points in time instead of candles. These become open prices.
    """

    split_body: Callable[[Column], Column]
    split_record: Callable[[Column], Column]
    locate_fields: Callable[[Column], RecordTexts]
    plain_fields: tuple[str, ...] = ()
    time_unit_ms: int = 1
    may_exceed_window: bool = False
    latest_in_interval_ms: int = 0
