"""The rules for single candles, and their configured actions.

The first broken rule whose action is not ``warn`` is the reason for the quarantine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crypto_prices_contract.row_rules import MALFORMED_RECORD, ROW_RULES, UNPARSEABLE, Action, actions_from_text
from pyspark.sql import functions as sf

from crypto_prices_etl.candle_intervals import interval_ms
from crypto_prices_etl.errors import CurationError
from crypto_prices_etl.schemas import NUMBER_COLUMNS

if TYPE_CHECKING:
    from crypto_prices_contract.window import Window
    from pyspark.sql import Column, DataFrame

    from crypto_prices_etl.parsers.base import SourceParser

_PRICES = ("open_price", "high_price", "low_price", "close_price")
_VOLUMES = ("base_volume", "quote_volume", "market_cap")
_FIELDS = ("observed_at", *NUMBER_COLUMNS, "close_time")

SURPLUS = "surplus"
"""Not a quarantine reason: the record is outside the requested window, and its source is known to send such records."""

REASONS: tuple[str, ...] = tuple(
    reason
    for rule in ROW_RULES
    for reason in ([f"{UNPARSEABLE}_{field}" for field in _FIELDS] if rule == UNPARSEABLE else [rule])
)
"""All quarantine reasons: the names of the rules. ``unparseable`` has the field's name appended."""


@dataclass(frozen=True)
class RowRules:
    """The configured actions of the rules.

    Attributes:
        actions: The action of each rule in ``ROW_RULES``.
    """

    actions: Mapping[str, Action]

    @classmethod
    def parse(cls, text: str) -> RowRules:
        """Return the rules with the actions in a text by ``actions_as_text``.

        All other rules have their default action, which is to quarantine.

        Raises:
            CurationError: A rule does not exist, or it does not allow the action.
        """
        given = actions_from_text(text)
        for name, action in given.items():
            if name not in ROW_RULES:
                raise CurationError(f"row rule {name!r} does not exist: use one of {', '.join(ROW_RULES)}")
            if action not in ROW_RULES[name]:
                raise CurationError(f"{name} cannot {action!r}: use one of {', '.join(sorted(ROW_RULES[name]))}")
        return cls({name: Action(given.get(name, actions[0])) for name, actions in ROW_RULES.items()})

    def of(self, action: Action) -> list[str]:
        """Return the rules with an action."""
        return [name for name, its in self.actions.items() if its is action]


def rule_of(reason: str) -> str:
    """Return the rule behind a quarantine reason."""
    return UNPARSEABLE if reason.startswith(f"{UNPARSEABLE}_") else reason


def with_reason(
    parser: SourceParser, rules: RowRules, window: Window, candle_interval: str
) -> Callable[[DataFrame], DataFrame]:
    """Return the transform that applies the rules to candles.

    It adds ``reason``: the first broken rule whose action is not ``warn``, or ``SURPLUS``, or NULL. It also adds
    ``warnings``, an array of the broken rules whose action is ``warn``.

    A number that a source does not have is NULL and breaks no rule. A missing required number is already unparseable.

    Args:
        parser: The parser of the source.
        rules: The actions of the rules.
        window: The days when candles may open.
        candle_interval: The interval whose grid (from midnight UTC) and length the candles must have.

    Raises:
        CurationError: The interval does not divide a day.
    """
    length_ms = interval_ms(candle_interval)
    opened_ms = sf.unix_millis("observed_at")
    low, high = sf.col("low_price"), sf.col("high_price")
    outside = ~opened_ms.between(window.start_ms, window.end_ms - 1)
    broken: dict[str, Column] = {
        MALFORMED_RECORD: ~sf.col("well_formed"),
        UNPARSEABLE: sf.col("unparseable").isNotNull(),
        "non_positive_price": _any(sf.col(price) <= 0 for price in _PRICES),
        "price_out_of_range": _any(~sf.col(price).between(low, high) for price in ("open_price", "close_price")),
        "negative_volume": _any(sf.col(volume) < 0 for volume in _VOLUMES),
        "negative_trade_count": sf.col("trade_count") < 0,
        "outside_window": outside,
        "off_grid": (opened_ms % length_ms != 0) | (sf.col("late_ms") > parser.latest_in_interval_ms),
        # A closed candle ends with the last millisecond of its interval. Any other candle is still open or was cut
        # short. A closed candle on the grid and in the window also ends before the window does.
        "candle_not_closed": sf.col("close_time_ms") != opened_ms + (length_ms - 1),
    }
    names = {UNPARSEABLE: sf.concat(sf.lit(f"{UNPARSEABLE}_"), sf.col("unparseable"))}
    warns = rules.of(Action.WARN)
    reasons = [
        sf.when(condition, names.get(name, sf.lit(name))) for name, condition in broken.items() if name not in warns
    ]
    # Checked first, because the rules do not apply to records outside the window. The fetch counts surplus the same
    # way.
    surplus = sf.when(outside, sf.lit(SURPLUS)) if parser.may_exceed_window else sf.lit(None).cast("string")
    warnings = sf.array_compact(
        sf.array(*(sf.when(broken[name], sf.lit(name)) for name in warns)).cast("array<string>")
    )
    return lambda candles: candles.withColumns({"reason": sf.coalesce(surplus, *reasons), "warnings": warnings})


def _any(conditions: Iterable[Column]) -> Column:
    """Return whether any condition is true. NULL does not count as true."""
    result = sf.lit(False)
    for condition in conditions:
        result = result | sf.coalesce(condition, sf.lit(False))
    return result
