"""The days that an audit checks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from crypto_prices_contract.window import Window

from crypto_prices.plan.daily_window import daily_window


def audited_span(params: Mapping[str, Any], dag_run: Any) -> Window:
    """Return the days that an audit checks: [start, end), or the last ``days`` before the end of its data interval.

    Raises:
        WindowError: The params have no valid days, or the run has neither a data interval nor a logical date.
    """
    start, end = params.get("start"), params.get("end")
    if start or end:
        return Window.parse(str(start or ""), str(end or ""))
    last = daily_window(dag_run.data_interval_end or dag_run.logical_date, None).start
    return Window(last - timedelta(days=int(params["days"])), last)
