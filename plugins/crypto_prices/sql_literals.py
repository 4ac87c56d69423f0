"""Jinja filters that put values into SQL as data. Every value in sql/ goes through one of them."""

from __future__ import annotations

import re
from datetime import date, datetime


class SqlValueError(ValueError):
    """A value cannot be written as SQL. The message shows it."""


def sql_literal(value: str | int | date | datetime | None) -> str:
    """Return a value as a Redshift literal: text quoted, numbers bare, None as NULL.

    Raises:
        SqlValueError: The type is not supported, or the text has a NUL character, which Redshift cannot store.
    """
    if value is None:
        return "NULL"
    if isinstance(value, bool) or not isinstance(value, str | int | date):
        raise SqlValueError(f"{value!r} ({type(value).__name__}) is not text, a whole number or a date")
    if isinstance(value, int):
        return str(value)
    text = value if isinstance(value, str) else value.isoformat()
    if "\0" in text:
        raise SqlValueError(f"{text!r} contains a NUL character")
    # Redshift interprets a backslash in a plain literal as an escape, so both it and the quote are doubled.
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def sql_name(value: str) -> str:
    """Return a table or column name unchanged if it is a plain lower-case name.

    Raises:
        SqlValueError: It is not a plain lower-case name.
    """
    if not isinstance(value, str) or not re.fullmatch(r"[a-z_][a-z0-9_]{0,126}", value):
        raise SqlValueError(f"{value!r} is not a plain lower-case SQL name")
    return value


def warehouse_time(instant: str) -> str:
    """Return an ISO 8601 time in UTC, such as ``2023-12-19T00:03:41.125Z``, as the warehouse writes it."""
    return instant.replace("T", " ").removesuffix("Z")
