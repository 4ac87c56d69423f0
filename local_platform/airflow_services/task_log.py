"""Converts Airflow's structured task logs to text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

# Printed in another place of the line, or the same on every line of a log.
_LEFT_OUT = {
    *("timestamp", "event", "level", "logger", "filename", "lineno", "error_detail"),
    *("dag_id", "run_id", "task_id", "map_index", "try_number", "ti_id", "ti"),
}


def log_text(messages: Iterable[Any]) -> str:
    """Return log messages as lines.

    Args:
        messages: The messages from the API: strings, or objects with event, timestamp, level and more.
    """
    lines: list[str] = []
    for message in messages:
        if isinstance(message, str):
            lines.append(message)
            continue
        lines.append(_line(message))
        lines += _exceptions(message.get("error_detail") or [])
    return "\n".join(lines)


def _line(message: Mapping[str, Any]) -> str:
    more = [f"{name}={value}" for name, value in message.items() if name not in _LEFT_OUT and value not in (None, "")]
    parts = [str(message.get("timestamp") or "")[:19], str(message.get("level") or "").upper()]
    return " ".join(filter(None, [*parts, str(message.get("event", "")), *more]))


def _exceptions(details: list[Mapping[str, Any]]) -> list[str]:
    """Return the exceptions of a message. The cause comes first, as in Python's traceback."""
    lines = []
    for raised in reversed(details):
        lines += [
            f'  File "{frame.get("filename")}", line {frame.get("lineno")}, in {frame.get("name")}'
            for frame in raised.get("frames") or []
        ]
        lines.append(f"{raised.get('exc_type')}: {raised.get('exc_value')}")
    return lines
