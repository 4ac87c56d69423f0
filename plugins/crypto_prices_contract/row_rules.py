"""The data quality rules for records: their names and their allowed actions.

The Glue job applies them (``crypto_prices_etl.quality``). The bundle's settings configure them.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Action(StrEnum):
    """What happens when data breaks a rule.

    Attributes:
        FAIL: The run fails and nothing is published.
        QUARANTINE: The record goes to the quarantine.
        WARN: The record is kept. The broken rule is recorded.
    """

    FAIL = "fail"
    QUARANTINE = "quarantine"
    WARN = "warn"


_STRICT = (Action.QUARANTINE, Action.FAIL)
_LENIENT = (*_STRICT, Action.WARN)

MALFORMED_RECORD = "malformed_record"
UNPARSEABLE = "unparseable"
CONFLICTING_DUPLICATE = "conflicting_duplicate"

ROW_RULES: Mapping[str, tuple[Action, ...]] = {
    MALFORMED_RECORD: _STRICT,
    UNPARSEABLE: _STRICT,
    "non_positive_price": _LENIENT,
    "price_out_of_range": _LENIENT,
    "negative_volume": _LENIENT,
    "negative_trade_count": _LENIENT,
    "outside_window": _STRICT,
    "off_grid": _STRICT,
    "candle_not_closed": _LENIENT,
    CONFLICTING_DUPLICATE: _STRICT,
}
"""The rules in the order that they are applied, each with its allowed actions. The first action is the default.

A record that breaks a rule without ``WARN`` cannot become a row: a required value is missing, or the key is wrong.
"""

_NONE_CHANGED = "default"


def actions_as_text(actions: Mapping[str, Action]) -> str:
    """Return the value of the job argument ``row_rules``, such as ``negative_volume=warn,off_grid=fail``.

    It is not JSON, because Glue may change nested JSON in an argument:
    https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-python-calling.html

    Args:
        actions: The actions that differ from the default, by rule.
    """
    return ",".join(f"{rule}={action}" for rule, action in sorted(actions.items())) or _NONE_CHANGED


def actions_from_text(text: str) -> dict[str, str]:
    """Return the actions by rule from a text by ``actions_as_text``. Neither is checked."""
    pairs = (item.partition("=") for item in text.split(",") if item != _NONE_CHANGED)
    return {rule: action for rule, _, action in pairs}
