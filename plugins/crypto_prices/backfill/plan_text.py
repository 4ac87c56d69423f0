"""The plan of a backfill as text, for the task's log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from textwrap import indent

from crypto_prices_contract.window import Window
from tabulate import tabulate  # type: ignore[import-untyped]

from crypto_prices.backfill.glue_cost import GlueEstimate
from crypto_prices.backfill.price import Price, price_rows
from crypto_prices.backfill.windows_to_load import BackfillPlan
from crypto_prices.counted import counted


def plan_as_text(plan: BackfillPlan, price: Price) -> str:
    """Return the plan and its price as text for the log."""
    days = (plan.span.end - plan.span.start).days
    rows = [
        ("to load", f"{counted(plan.days, 'day')} in {counted(len(plan.windows), 'window')}"),
        ("skipped", f"{counted(len(plan.skipped), 'loaded day')}"),
        ("API requests", f"at least {plan.requests}"),
        ("candles", f"at most {plan.records}, about {_size(plan.raw_bytes)} before compression"),
        ("Glue runs", f"{len(plan.windows)}, about {plan.dpu_minutes:.1f} DPU-minutes ({plan.glue.dpus:g} DPUs)"),
    ]
    rows += [
        ("Glue runs", f"{count} of {counted(days, 'day')}: {_estimate_as_text(plan.glue.estimate(days))}")
        for days, count in plan.windows_by_days.items()
    ]
    rows += price_rows(price)
    rows += [("window", f"[{window.start}, {window.end})") for window in plan.windows]
    rows += [
        ("skipped", f"[{window.start}, {window.end}): loaded by {why}")
        for window, why in _skipped_windows(plan.skipped)
    ]
    table = tabulate(rows, tablefmt="plain", disable_numparse=True)
    return f"Backfill of [{plan.span.start}, {plan.span.end}): {counted(days, 'day')}\n{indent(table, '  ')}"


def _estimate_as_text(estimate: GlueEstimate) -> str:
    if not estimate.of:
        return f"assumed {estimate.seconds:.0f} s each, because no run has ended yet"
    lengths = Counter(run.days for run in estimate.of)
    which = ", ".join(f"{count} of {counted(days, 'day')}" for days, count in sorted(lengths.items(), reverse=True))
    return f"{estimate.seconds:.0f} s each, the mean of {counted(len(estimate.of), 'earlier run')} ({which})"


def _skipped_windows(skipped: Mapping[date, str]) -> list[tuple[Window, str]]:
    grouped: list[tuple[Window, str]] = []
    for day, why in sorted(skipped.items()):
        if grouped and grouped[-1][0].end == day and grouped[-1][1] == why:
            grouped[-1] = (Window(grouped[-1][0].start, day + timedelta(days=1)), why)
        else:
            grouped.append((Window.of_day(day), why))
    return grouped


def _size(number: float) -> str:
    for unit in ("bytes", "KB", "MB"):
        if number < 1000:
            return f"{number:.0f} {unit}"
        number /= 1000
    return f"{number:.1f} GB"
