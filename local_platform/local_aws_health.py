"""Finds a running local AWS, and asks it whether it is ready."""

from __future__ import annotations

import http.client
import json
import urllib.request
from pathlib import Path
from typing import Any

from local_aws.endpoint_file import read_endpoint

HEALTH_PATH = "/_local_aws/health"  # as in local_aws.front.server, which takes a second to import


def answering_process(endpoint: str, *, timeout_seconds: float = 2) -> int | None:
    """Return the process id of the local AWS at an endpoint, or None if none answers there."""
    try:
        with urllib.request.urlopen(f"{endpoint}{HEALTH_PATH}", timeout=timeout_seconds) as answer:  # noqa: S310 - http
            pid = json.load(answer)["pid"]
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return None  # nothing listens there, or another program does
    return pid if isinstance(pid, int) else None


def running_local_aws(state_dir: Path) -> dict[str, Any] | None:
    """Return the document of the local AWS that runs on a state folder and is ready; None if there is none.

    A killed one leaves its document behind, and another one may have its port by now, so the local AWS is asked.

    Raises:
        StateFolderError: The state folder cannot be read.
    """
    try:
        found = read_endpoint(state_dir)
    except FileNotFoundError:
        return None
    pid = answering_process(found["endpoint"], timeout_seconds=10)
    return found if pid == found["pid"] else None
