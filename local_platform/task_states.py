"""How screens show the states and durations of tasks and runs."""

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
"""The terminal style of each state."""


def seconds_text(seconds: float | None) -> str:
    """Return a duration for a table.

    Args:
        seconds: The duration in seconds; None if it has not started.
    """
    return "" if seconds is None else f"{seconds:.1f} s"
