"""The plan of an audit as text for its log."""

from __future__ import annotations

from collections import Counter
from textwrap import indent

from tabulate import tabulate  # type: ignore[import-untyped]

from crypto_prices.audit.windows_to_heal import HealingPlan
from crypto_prices.backfill.price import Price, price_rows
from crypto_prices.counted import counted


def plan_as_text(plan: HealingPlan, price: Price) -> str:
    """Return the plan and its price as text for the log."""
    numbers = Counter((place.source, place.market, reason) for place, reason in plan.reasons.items())
    rows = [("windows", f"{len(plan.windows)}, with {counted(plan.requests, 'API request')}")]
    rows += price_rows(price)
    rows += [
        (source, f"{market}: {counted(number, 'day')} {reason}")
        for (source, market, reason), number in sorted(numbers.items())
    ]
    for each in plan.windows:
        symbols = ", ".join(f"{source} {' '.join(names)}" for source, names in each.symbols.items())
        rows.append(("window", f"[{each.window.start}, {each.window.end}) of {symbols}"))
    title = f"Audit of [{plan.span.start}, {plan.span.end}): days of markets to heal: {len(plan.reasons)}"
    return f"{title}\n{indent(tabulate(rows, tablefmt='plain', disable_numparse=True), '  ')}"
