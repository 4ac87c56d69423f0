"""The limit of what an audit reloads without asking, such as everything when a new platform's audit is unpaused."""

from __future__ import annotations

from crypto_prices.audit.windows_to_heal import HealingPlan
from crypto_prices.backfill.price import Price
from crypto_prices.counted import counted


class LargePlanError(ValueError):
    """A user must approve the plan. The message has its size, its price, and how to approve it."""


def refuse_large_plan(plan: HealingPlan, price: Price, limit: int, approved: int | None) -> None:
    """Refuse a plan with more days of markets than the limit, unless a user approved as many.

    Args:
        plan: The plan.
        price: Its price.
        limit: Largest number of days of markets, from the settings.
        approved: The param ``max_market_days`` of the run, which replaces the limit; None if it is not given.

    Raises:
        LargePlanError: The plan is larger.
    """
    planned = len(plan.reasons)
    if planned <= (limit if approved is None else approved):
        return
    which = "audit_market_days in the settings" if approved is None else "max_market_days of this run"
    raise LargePlanError(
        f"the audit found {planned} days of markets to load in {counted(len(plan.windows), 'window')}, for about "
        f"${price.usd:.2f}. That is more than {limit if approved is None else approved} ({which}), so nothing was "
        "started. The log above has the plan. To load it, trigger crypto_prices_audit with "
        f'{{"start": "{plan.span.start}", "end": "{plan.span.end}", "max_market_days": {planned}}}'
    )
