"""The terminal styles of task and run states."""

from __future__ import annotations

STATE_STYLES = {
    "success": "green",
    "running": "cyan",
    "deferred": "cyan",
    "queued": "cyan",
    "failed": "bold red",
    "upstream_failed": "red",
    "up_for_retry": "yellow",
    "skipped": "dim",
}
