"""Health check of an Airflow component's container.

    python component_health.py {api_server|scheduler|dag_processor|triggerer}

The API server must answer, with its database behind it, and have built the part that tasks talk to: it does that at
the first request, which takes so long that a task's own first requests would time out. The others' heartbeats must be
fresh, as Airflow's health page says it; ``airflow jobs check`` answers the same, but starts a whole Airflow each time,
which takes seconds of CPU.
https://airflow.apache.org/docs/apache-airflow/stable/administration-and-deployment/logging-monitoring/check-health.html
"""

from __future__ import annotations

import json
import sys
import urllib.request
from pathlib import Path
from typing import Any

API_SERVER = "http://api-server:8080"
WARM = Path("/dev/shm/api-server-is-warm")  # noqa: S108 - gone with every start of the container
_SECONDS = 12


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
        heartbeats = [found[name] or "never" for name in found if name.startswith("latest_")]
        return "; its last heartbeat: ".join([f"{component} is {found.get('status')}", *heartbeats])
    return None


def main(component: str) -> int:
    """Print what is wrong and return 1, or return 0."""
    found = None
    try:
        if component == "api_server" and not WARM.exists():
            _answer("/execution/health/ping")
            WARM.touch()
        page = json.loads(_answer("/api/v2/monitor/health"))
        found = problem("metadatabase" if component == "api_server" else component, page)
    except OSError as error:
        found = f"the API server does not answer: {error}"
    if found is not None:
        print(found)
    return 0 if found is None else 1


def _answer(path: str) -> bytes:
    with urllib.request.urlopen(f"{API_SERVER}{path}", timeout=_SECONDS) as answer:  # noqa: S310 - http
        body: bytes = answer.read()
    return body


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
