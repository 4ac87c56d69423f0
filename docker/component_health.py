"""Health check of an Airflow component's container: is its heartbeat fresh, as Airflow's own health page says it?

    python component_health.py {scheduler|dag_processor|triggerer}

``airflow jobs check`` answers the same, but starts a whole Airflow each time, which takes seconds of CPU.
https://airflow.apache.org/docs/apache-airflow/stable/administration-and-deployment/logging-monitoring/check-health.html
"""

from __future__ import annotations

import json
import sys
import urllib.request
from typing import Any

HEALTH_URL = "http://api-server:8080/api/v2/monitor/health"
_SECONDS = 5


def problem(component: str, health: dict[str, Any]) -> str | None:
    """Return what is wrong with a component, or None when it is healthy.

    Args:
        component: Its name on the health page.
        health: The health page.
    """
    found = health.get(component)
    if not found:
        return f"the health page names no {component}"
    if found.get("status") != "healthy":
        last = next((found[name] for name in found if name.startswith("latest_") and found[name]), "never")
        return f"{component} is {found.get('status')}; its last heartbeat: {last}"
    return None


def main(component: str) -> int:
    """Print what is wrong and return 1, or return 0."""
    try:
        with urllib.request.urlopen(HEALTH_URL, timeout=_SECONDS) as answer:
            found = problem(component, json.load(answer))
    except OSError as error:
        found = f"the API server does not tell: {error}"
    if found is not None:
        print(found)
    return 0 if found is None else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
