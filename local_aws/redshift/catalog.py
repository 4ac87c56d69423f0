"""Reads the types of a table's columns from PostgreSQL's catalog."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg

from local_aws.redshift import types
from local_aws.redshift.statement_text import quoted
from local_aws.redshift.types import SqlType

_PLAIN = {
    "int2": types.INT2, "int4": types.INT4, "int8": types.INT8, "float4": types.FLOAT4, "float8": types.FLOAT8,
    "bool": types.BOOL, "date": types.DATE, "time": types.TIME, "timestamp": types.TIMESTAMP,
    "timestamptz": types.TIMESTAMPTZ, "interval": types.INTERVAL, "text": types.varchar(0), "name": types.varchar(128),
}  # fmt: skip


def columns_of(
    connection: psycopg.Connection[Any], schema: str | None, table: str
) -> Mapping[str, SqlType | None] | None:
    """Return a table's columns as a connection sees them, or None if there is no such table.

    Args:
        connection: A connection with psycopg's RawCursor.
        schema: The schema, or None to search the search path.
        table: The name of a table or view.
    """
    rows = connection.execute(
        "SELECT a.attname, t.typname, CASE WHEN d.oid IS NULL THEN a.atttypmod ELSE d.typtypmod END"
        " FROM pg_attribute a"
        " LEFT JOIN pg_type d ON d.oid = a.atttypid AND d.typtype = 'd'"
        " JOIN pg_type t ON t.oid = coalesce(d.typbasetype, a.atttypid)"
        " WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
        [quoted(schema, table)],
    ).fetchall()
    return {name: _type(kind, modifier) for name, kind, modifier in rows} or None


def _type(kind: str, modifier: int) -> SqlType | None:
    if kind == "numeric":
        return types.decimal((modifier - 4) >> 16, (modifier - 4) & 0x7FF) if modifier >= 4 else None
    if kind in {"varchar", "bpchar"}:
        return SqlType("varchar" if kind == "varchar" else "bpchar", length=max(0, modifier - 4))
    return _PLAIN.get(kind)
