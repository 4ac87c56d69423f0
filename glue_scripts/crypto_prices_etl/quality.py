"""The rules that a candle must pass on its own. The first rule that fails names the reason for its quarantine."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from pyspark.sql import functions as sf

from crypto_prices_etl.candle_intervals import interval_ms
from crypto_prices_etl.candles import NUMBER_COLUMNS

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from crypto_prices_etl.arguments import Window
    from crypto_prices_etl.parsers.base import SourceParser

_PRICES = ("open_price", "high_price", "low_price", "close_price")
_VOLUMES = ("base_volume", "quote_volume", "market_cap")
_FIELDS = ("observed_at", *NUMBER_COLUMNS, "close_time")

SURPLUS = "surplus"
"""Not a reason for the quarantine: the record is of another time than was asked for, and its source is known for it."""

MALFORMED_RECORD = "malformed_record"
CONFLICTING_DUPLICATE = "conflicting_duplicate"

REASONS: tuple[str, ...] = (
    MALFORMED_RECORD,
    *(f"unparseable_{field}" for field in _FIELDS),
    "non_positive_price",
    "price_out_of_range",
    "negative_volume",
    "negative_trade_count",
    "outside_window",
    "off_grid",
    "candle_not_closed",
    CONFLICTING_DUPLICATE,
)
"""Every reason there is, in the order in which the rules are tried; the last one is found by the deduplication."""


def with_reason(parser: SourceParser, window: Window, candle_interval: str) -> Callable[[DataFrame], DataFrame]:
    """Return the transform that adds ``reason``: the first rule that a candle breaks, ``SURPLUS``, or NULL.

    A number that a source does not give is NULL and breaks no rule; one that it must give is already unparseable.

    Args:
        parser: The parser of the source, which knows what its answers are like.
        window: The days that candles may open in.
        candle_interval: The interval whose grid (from midnight UTC) and length the candles must have.

    Raises:
        CurationError: The interval has no grid within a day.
    """
    length_ms = interval_ms(candle_interval)
    opened_ms = sf.unix_millis("observed_at")
    low, high = sf.col("low_price"), sf.col("high_price")
    outside = ~opened_ms.between(window.start_ms, window.end_ms - 1)
    # Before all others: what was not asked for is not judged. The fetch has counted it by the same rule.
    surplus = outside if parser.may_exceed_window else sf.lit(False)
    rules: list[tuple[str | Column, Column]] = [
        (SURPLUS, surplus),
        (MALFORMED_RECORD, ~sf.col("well_formed")),
        (sf.concat(sf.lit("unparseable_"), sf.col("unparseable")), sf.col("unparseable").isNotNull()),
        ("non_positive_price", _any(sf.col(price) <= 0 for price in _PRICES)),
        ("price_out_of_range", _any(~sf.col(price).between(low, high) for price in ("open_price", "close_price"))),
        ("negative_volume", _any(sf.col(volume) < 0 for volume in _VOLUMES)),
        ("negative_trade_count", sf.col("trade_count") < 0),
        ("outside_window", outside),
        ("off_grid", (opened_ms % length_ms != 0) | (sf.col("late_ms") > parser.latest_in_interval_ms)),
        # A closed candle ends with the last millisecond of its interval; anything else is still being built, or was
        # cut. On the grid and inside the window, such a candle also ends before the window does.
        ("candle_not_closed", sf.col("close_time_ms") != opened_ms + (length_ms - 1)),
    ]
    reasons = [sf.when(broken, sf.lit(name) if isinstance(name, str) else name) for name, broken in rules]
    return lambda candles: candles.withColumn("reason", sf.coalesce(*reasons))


def _any(conditions: Iterable[Column]) -> Column:
    """Return whether a condition is true; a NULL one is not."""
    result = sf.lit(False)
    for condition in conditions:
        result = result | sf.coalesce(condition, sf.lit(False))
    return result
