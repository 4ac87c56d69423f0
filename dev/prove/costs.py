"""The platform's cost table, as in docs/how-to/deploy-to-aws.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_ROWS = (
    ("Airflow, all the time", "idle_month", "airflow"),
    ("NAT gateways and endpoints", "idle_month", "network"),
    ("alarms, metrics, dashboard", "idle_month", "observability"),
    ("key and secrets", "idle_month", "keys_and_secrets"),
    ("warehouse's storage", "idle_month", "warehouse_storage"),
    ("**a month, idle**", "idle_month", "total"),
    ("Glue, a daily run", "daily_run", "glue"),
    ("warehouse, a daily run", "daily_run", "warehouse"),
    ("**a daily run**", "daily_run", "total"),
)


def cost_table(dev: Mapping[str, Any], prod: Mapping[str, Any]) -> str:
    """Return the lines of the table.

    Args:
        dev: The output ``estimated_cost_usd`` with environments/dev.tfvars.
        prod: The output ``estimated_cost_usd`` with environments/prod.tfvars.
    """
    lines = [f"| {what} | {dev[group][name]} | {prod[group][name]} |" for what, group, name in _ROWS]
    return "\n".join([*lines, f"| **a month with a run each day** | {dev['month']} | {prod['month']} |"])
