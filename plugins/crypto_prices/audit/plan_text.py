"""The plan of an audit, and the days that it compared, as text for its log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from textwrap import indent

from tabulate import tabulate  # type: ignore[import-untyped]

from crypto_prices.audit.restatements import SAME, Check
from crypto_prices.audit.windows_to_heal import HealingPlan
from crypto_prices.backfill.price import Price, price_rows
from crypto_prices.counted import counted


def plan_as_text(plan: HealingPlan, price: Price) -> str:
    """Return the plan and its price as text for the log."""
    numbers = Counter((place.source, place.market, reason) for place, reason in plan.reasons.items())
    rows = [("windows", f"{len(plan.windows)}, with at least {counted(plan.requests, 'API request')}")]
    rows += price_rows(price)
    rows += [
        (source, f"{market}: {counted(number, 'day')} {reason}")
        for (source, market, reason), number in sorted(numbers.items())
    ]
    for each in plan.windows:
        symbols = ", ".join(f"{source} {' '.join(names)}" for source, names in each.symbols.items())
        accepted = "" if each.accepted is None else f", accepted by {each.accepted.user}: {each.accepted.reason}"
        rows.append(("window", f"[{each.window.start}, {each.window.end}) of {symbols}{accepted}"))
    title = f"Audit of [{plan.span.start}, {plan.span.end}): days of markets to heal: {len(plan.reasons)}"
    return f"{title}\n{indent(tabulate(rows, tablefmt='plain', disable_numparse=True), '  ')}"


def checks_as_text(checks: Sequence[Check]) -> str:
    """Return the compared days as text, with a row for each day that is not the same; empty if none was compared."""
    if not checks:
        return ""
    numbers = Counter(check.status for check in checks)
    total = ", ".join(f"{number} {status}" for status, number in sorted(numbers.items()))
    rows = [
        (
            check.place.source,
            f"{check.place.market} on {check.place.day}",
            f"{check.comparison.changed} changed, {check.comparison.added} added, {check.comparison.vanished} vanished"
            if check.problem is None
            else check.status,
            check.detail,
        )
        for check in checks
        if check.status != SAME
    ]
    title = f"Days of markets that were fetched again: {len(checks)} ({total})"
    table = indent(tabulate(rows, tablefmt="plain", disable_numparse=True), "  ")
    return f"{title}\n{table}" if rows else title
