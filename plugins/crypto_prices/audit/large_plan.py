"""The limit of what an audit reloads without asking, such as everything when a new platform's audit is unpaused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from crypto_prices.audit.windows_to_heal import HealingPlan
from crypto_prices.backfill.price import Price
from crypto_prices.counted import counted


class LargePlanError(ValueError):
    """A user must approve the plan. The message has its size, its price, and how to approve it."""


def refuse_large_plan(
    plan: HealingPlan, price: Price, *, limit_days: int, market_total: int, params: Mapping[str, Any]
) -> None:
    """Refuse a plan with more days of markets than the limit, unless a user approved as many.

    Args:
        plan: The plan.
        price: Its price.
        limit_days: The limit in days of all markets, from the settings.
        market_total: Number of markets in the settings.
        params: The run's params. ``max_market_days`` replaces the limit, if it is given.

    Raises:
        LargePlanError: The plan is larger.
    """
    planned, approved = len(plan.reasons), params.get("max_market_days")
    limit = limit_days * market_total if approved is None else approved
    if planned <= limit:
        return
    which = (
        f"audit_limit_days in the settings: {counted(limit_days, 'day')} of {counted(market_total, 'market')}"
        if approved is None
        else "max_market_days of this run"
    )
    # The sample would have other days than this run's. What this run found to differ is in the plan without it.
    approval = {
        "start": plan.span.start.isoformat(),
        "end": plan.span.end.isoformat(),
        "ask_again": params["ask_again"],
        "chunk_days": params["chunk_days"],
        "restatement_sample": 0,
        "max_market_days": planned,
    }
    raise LargePlanError(
        f"the audit found {planned} days of markets to load in {counted(len(plan.windows), 'window')}, for about "
        f"${price.usd:.2f}. That is more than {limit} ({which}), so nothing was started. The log above has the plan. "
        f"To load it, trigger crypto_prices_audit with {json.dumps(approval)}"
    )
