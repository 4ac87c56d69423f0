"""A number with its noun in the singular or in the plural."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """Return a number and a noun whose plural ends with s, such as ``1 day`` and ``2 days``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
