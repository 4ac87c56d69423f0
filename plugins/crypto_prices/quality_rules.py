"""The data quality rules: what each is to do when data breaks it. Pure; the settings are the only input.

Rules for records are judged by the Glue job (glue_scripts/crypto_prices_etl/quality.py), those for the candles of a
market by the warehouse, in the transaction of the merge: only there is it known what was loaded before.
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
        action: ``warn`` or ``fail``: what is loaded cannot be quarantined.
        threshold: The figure that the rule compares with, see ``MARKET_RULES``.
    """

    action: Action
    threshold: float


MARKET_RULES: Mapping[str, MarketRule] = {
    # The share of the window's candles that must be there; fewer break the rule.
    "completeness": MarketRule(Action.WARN, 1.0),
    # The largest change from one candle's close to the next one's, as a share of the former; more breaks the rule.
    "price_jump": MarketRule(Action.WARN, 0.5),
}
"""Rules for the candles of a market, as they are when the settings say nothing."""

MARKET_ACTIONS = (Action.WARN, Action.FAIL)


class QualityRuleError(ValueError):
    """There is no such rule, or it cannot be configured like this; the message says what is possible."""


@dataclass(frozen=True)
class QualityRules:
    """What every rule is to do.

    Attributes:
        row_rules: The actions of the rules for records that are not the default, by name.
        market_rules: The rules for the candles of a market, all of them.
    """

    row_rules: Mapping[str, Action]
    market_rules: Mapping[str, MarketRule]


def quality_rules(configured: Mapping[str, Mapping[str, Any]]) -> QualityRules:
    """Return the rules that the settings configure.

    Args:
        configured: By rule, its ``action`` and ``threshold``; either may be left out.

    Raises:
        QualityRuleError: A rule does not exist, or cannot do that.
    """
    row_rules: dict[str, Action] = {}
    market_rules = dict(MARKET_RULES)
    for name, wanted in configured.items():
        action, threshold = wanted.get("action"), wanted.get("threshold")
        allowed = ROW_RULES.get(name, MARKET_ACTIONS if name in MARKET_RULES else ())
        if not allowed:
            raise QualityRuleError(f"there is no rule {name!r}; there are {', '.join([*ROW_RULES, *MARKET_RULES])}")
        if action is not None and action not in allowed:
            raise QualityRuleError(f"{name} cannot {action}; it can {' or '.join(allowed)}")
        if name in ROW_RULES:
            if threshold is not None:
                raise QualityRuleError(f"{name} has no threshold: a record breaks it or does not")
            row_rules |= {name: action} if action else {}
        else:
            default = MARKET_RULES[name]
            market_rules[name] = MarketRule(
                action or default.action, default.threshold if threshold is None else threshold
            )
    return QualityRules(row_rules, market_rules)
