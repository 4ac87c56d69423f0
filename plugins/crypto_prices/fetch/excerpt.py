"""The beginning of a response body, for messages and logs."""

from __future__ import annotations

_LONGEST_EXCERPT = 300


def excerpt(body: bytes) -> str:
    """Return the beginning of a body as one printable line."""
    text = body[: 4 * _LONGEST_EXCERPT].decode("utf-8", errors="replace")
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= _LONGEST_EXCERPT else line[: _LONGEST_EXCERPT - 1] + "…"
