"""The data quality rules and their configuration. No I/O: the settings are the only input.

The Glue job applies the rules for records (glue_scripts/crypto_prices_etl/quality.py). The warehouse applies the rules
for the candles of a market, in the transaction of the merge, because they also need earlier loads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crypto_prices_contract.row_rules import ROW_RULES, Action


@dataclass(frozen=True)
class MarketRule:
    """A rule for the candles of a market in a window.

    Attributes:
        action: ``warn`` or ``fail``. Loaded rows cannot be quarantined.
        threshold: The limit of the rule, see ``MARKET_RULES``.
    """

    action: Action
    threshold: float


MARKET_RULES: Mapping[str, MarketRule] = {
    # The smallest share of the window's candles that must exist. Fewer candles break the rule.
    "completeness": MarketRule(Action.WARN, 1.0),
    # The largest change from one candle's close to the next one's, as a share of the former. A larger change breaks the
    # rule.
    "price_jump": MarketRule(Action.WARN, 0.5),
}
"""Rules for the candles of a market, with their defaults."""

MARKET_ACTIONS = (Action.WARN, Action.FAIL)


class QualityRuleError(ValueError):
    """A rule does not exist, or its configuration is not allowed. The message has the allowed values."""


@dataclass(frozen=True)
class QualityRules:
    """The configuration of all rules.

    Attributes:
        row_rules: The actions of row rules that differ from the default, by rule name.
        market_rules: All rules for the candles of a market, by rule name.
    """

    row_rules: Mapping[str, Action]
    market_rules: Mapping[str, MarketRule]


def quality_rules(configured: Mapping[str, Mapping[str, Any]]) -> QualityRules:
    """Return the rules with the configuration from the settings.

    Args:
        configured: The ``action`` and ``threshold`` by rule name. Both are optional.

    Raises:
        QualityRuleError: A rule does not exist, or does not allow the action or a threshold.
    """
    row_rules: dict[str, Action] = {}
    market_rules = dict(MARKET_RULES)
    for name, wanted in configured.items():
        action, threshold = wanted.get("action"), wanted.get("threshold")
        allowed = ROW_RULES.get(name, MARKET_ACTIONS if name in MARKET_RULES else ())
        if not allowed:
            raise QualityRuleError(
                f"quality rule {name!r} does not exist: use one of {', '.join([*ROW_RULES, *MARKET_RULES])}"
            )
        if action is not None and action not in allowed:
            raise QualityRuleError(f"{name} cannot {action}: use {' or '.join(allowed)}")
        if name in ROW_RULES:
            if threshold is not None:
                raise QualityRuleError(f"{name} has no threshold: remove it")
            row_rules |= {name: action} if action else {}
        else:
            default = MARKET_RULES[name]
            market_rules[name] = MarketRule(
                action or default.action, default.threshold if threshold is None else threshold
            )
    return QualityRules(row_rules, market_rules)
