"""The health check of an Airflow component's container.

    python component_health.py {api_server|scheduler|dag_processor|triggerer}

The API server must respond, its database must be reachable, and it must have built the part that tasks call. It builds
that part on the first request, which takes so long that a task's own first requests would time out. The heartbeats of
the other components must be recent according to Airflow's health page. ``airflow jobs check`` returns the same, but it
starts a whole Airflow each time, which takes seconds of CPU.
https://airflow.apache.org/docs/apache-airflow/stable/administration-and-deployment/logging-monitoring/check-health.html
"""

from __future__ import annotations

import json
import sys
import urllib.request
from pathlib import Path
from typing import Any

API_SERVER = "http://api-server:8080"
WARM = Path("/dev/shm/api-server-is-warm")  # noqa: S108 - deleted whenever the container starts
_SECONDS = 12


def problem(component: str, health: dict[str, Any]) -> str | None:
    """Return the problem of a component, or None if it is healthy.

    Args:
        component: The component's name on the health page.
        health: The content of the health page.
    """
    found = health.get(component)
    if not found:
        return f"{component} is not on the health page"
    if found.get("status") != "healthy":
        heartbeats = [found[name] or "never" for name in found if name.startswith("latest_")]
        return "; its last heartbeat: ".join([f"{component} is {found.get('status')}", *heartbeats])
    return None


def main(component: str) -> int:
    """Print the problem and return 1, or return 0 if there is none."""
    found = None
    try:
        if component == "api_server" and not WARM.exists():
            _answer("/execution/health/ping")
            WARM.touch()
        page = json.loads(_answer("/api/v2/monitor/health"))
        found = problem("metadatabase" if component == "api_server" else component, page)
    except OSError as error:
        found = f"the API server does not respond: {error}"
    if found is not None:
        print(found)
    return 0 if found is None else 1


def _answer(path: str) -> bytes:
    with urllib.request.urlopen(f"{API_SERVER}{path}", timeout=_SECONDS) as answer:  # noqa: S310 - http
        body: bytes = answer.read()
    return body


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
