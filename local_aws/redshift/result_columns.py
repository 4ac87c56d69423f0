"""Converts a query's result to the Data API's form: PostgreSQL's columns and values with Redshift's types."""

from __future__ import annotations

import dataclasses
from typing import Any

import psycopg
from psycopg.pq.abc import PGresult

_TYPE_NAMES = {
    16: "bool", 20: "int8", 21: "int2", 23: "int4", 25: "varchar", 700: "float4", 701: "float8", 705: "varchar",
    1042: "bpchar", 1043: "varchar", 1082: "date", 1083: "time", 1114: "timestamp", 1184: "timestamptz",
    1186: "interval", 1700: "numeric", 19: "varchar", 18: "bpchar", 26: "oid", 1790: "refcursor", 2278: "void",
}  # fmt: skip
# (precision, scale) as Redshift's driver reports them.
_FIXED_SIZES = {
    "bool": (1, 0), "int2": (5, 0), "int4": (10, 0), "int8": (19, 0), "float4": (8, 8), "float8": (17, 17),
    "date": (13, 0), "time": (15, 6), "timestamp": (29, 6), "timestamptz": (35, 6), "interval": (49, 6), "oid": (10, 0),
}  # fmt: skip
_UNKNOWN_TEXT_BYTES = 65535

Row = list[str | None]


@dataclasses.dataclass(frozen=True)
class ResultSet:
    """The result of a query.

    Attributes:
        columns: One ColumnMetadata per column.
        rows: The values as text, None for NULL.
        size: The bytes of all values.
    """

    columns: list[dict[str, Any]]
    rows: list[Row]
    size: int


def read_result(connection: psycopg.Connection[Any], result: PGresult) -> ResultSet:
    """Convert PostgreSQL's result of a query, in the transaction that ran it.

    Args:
        connection: The connection, to look up the tables of the columns.
        result: The result in text format.
    """
    rows: list[Row] = []
    size = 0
    for at in range(result.ntuples):
        row: Row = []
        for column in range(result.nfields):
            value = result.get_value(at, column)
            size += len(value or b"")
            row.append(None if value is None else bytes(value).decode())
        rows.append(row)
    columns = [_metadata(connection, result, at, rows) for at in range(result.nfields)]
    return ResultSet(columns, rows, size)


def _metadata(connection: psycopg.Connection[Any], result: PGresult, at: int, rows: list[Row]) -> dict[str, Any]:
    name = (result.fname(at) or b"").decode()
    type_name = _TYPE_NAMES.get(result.ftype(at), "varchar")
    precision, scale = _size(type_name, result.fmod(at), [row[at] for row in rows] if type_name == "numeric" else [])
    schema, table, nullable = "", "", True
    if result.ftable(at):
        found = connection.execute(
            "SELECT n.nspname, c.relname, NOT a.attnotnull FROM pg_class c"
            " JOIN pg_namespace n ON n.oid = c.relnamespace"
            " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = $2 WHERE c.oid = $1",
            [result.ftable(at), result.ftablecol(at)],
        ).fetchone()
        if found:
            schema, table, nullable = found
    return {
        "isCaseSensitive": type_name in {"varchar", "bpchar"},
        "isCurrency": False,
        "isSigned": type_name in {"int2", "int4", "int8", "numeric", "float4", "float8"},
        "label": name,
        "length": 0,
        "name": name,
        "nullable": int(nullable),
        "precision": precision,
        "scale": scale,
        "schemaName": schema,
        "tableName": table,
        "typeName": type_name,
    }


def _size(type_name: str, modifier: int, values: list[str | None]) -> tuple[int, int]:
    if type_name in _FIXED_SIZES:
        return _FIXED_SIZES[type_name]
    if type_name == "numeric":
        if modifier >= 4:
            return (modifier - 4) >> 16, (modifier - 4) & 0x7FF
        return 38, max((len(value.partition(".")[2]) for value in values if value), default=0)
    return (modifier - 4 if modifier >= 4 else _UNKNOWN_TEXT_BYTES), 0


def field(type_name: str, value: str | None) -> dict[str, Any]:
    """Return a value as the Data API's Field. DECIMAL, dates and times are strings."""
    if value is None:
        return {"isNull": True}
    if type_name in {"int2", "int4", "int8", "oid"}:
        return {"longValue": int(value)}
    if type_name in {"float4", "float8"}:
        return {"doubleValue": float(value)}
    if type_name == "bool":
        return {"booleanValue": value == "t"}
    return {"stringValue": value}
