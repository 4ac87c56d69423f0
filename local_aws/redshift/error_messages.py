"""Redshift's error messages where they differ from PostgreSQL's."""

from __future__ import annotations

import re

import psycopg
from psycopg import errors

_TEXT_TYPE = re.compile(r"(?P<kind>varchar|char)_(?P<bytes>\d+)")
_INVALID_INPUT = re.compile(r'invalid input syntax for type (?P<type>[\w ]+): "(?P<value>.*)"', re.DOTALL)
_TYPE_NAMES = (
    (re.compile(r"(?:redshift\.)?\bvarchar_(\d+)"), r"character varying(\1)"),
    (re.compile(r"(?:redshift\.)?\bchar_(\d+)"), r"character(\1)"),
    (re.compile(r"\b(?:redshift|pg_catalog)\.(?=\w)"), ""),
    (re.compile(r"\btext\b(?=[ ,)]|$)"), "character varying"),
)
_NUMBER_TYPES = {"integer": "Integer", "bigint": "Long", "smallint": "Short", "numeric": "Decimal"}


def isolation_violation(table: str) -> str:
    """Return the error of a writer that conflicts with another writer of the same table."""
    return f"ERROR: 1023 DETAIL: Serializable isolation violation on table - {table}"


def aborted_by_monitoring(query_id: int, rule: str) -> str:
    """Return the error of a statement that was aborted by a query monitoring rule of the workgroup."""
    return f'ERROR: Query ({query_id}) cancelled by WLM abort action of Query Monitoring Rule "{rule}".'


def redshift_error(error: psycopg.Error, table: str | None = None) -> str:
    """Return the ``Error`` of DescribeStatement for an error of PostgreSQL.

    Args:
        error: The error that PostgreSQL raised.
        table: The table that the statement wrote, if it is known.
    """
    detail = error.diag
    primary = detail.message_primary or str(error).strip() or type(error).__name__
    match error:
        case errors.SerializationFailure():
            return isolation_violation(table or detail.table_name or "unknown")
        case errors.NotNullViolation():
            return f"ERROR: Cannot insert a NULL value into column {detail.column_name}"
        case errors.CheckViolation() if detail.constraint_name == "no_trailing_blank":
            return (
                "ERROR: a VARCHAR that ends in a blank is not supported by the local Redshift, because Redshift "
                "ignores the blank in comparisons: remove it with RTRIM"
            )
        case errors.CheckViolation() if found := _TEXT_TYPE.fullmatch(detail.datatype_name or ""):
            kind = "character varying" if found["kind"] == "varchar" else "character"
            return f"ERROR: value too long for type {kind}({found['bytes']})"
        case errors.CardinalityViolation() if primary.startswith("MERGE"):
            return "ERROR: Found multiple matches to update the same tuple."
        case errors.GeneratedAlways():
            return "ERROR: cannot set an identity column to a value"
        case errors.InvalidTextRepresentation():
            return f"ERROR: {_invalid_digit(primary)}"
        case errors.CheckViolation() if (detail.datatype_name or "").startswith("decimal_19_"):
            return "ERROR: Numeric data overflow (result precision)"
        case errors.NumericValueOutOfRange() if primary == "numeric field overflow":
            return "ERROR: Numeric data overflow (result precision)"
        case errors.ReadOnlySqlTransaction():
            return "ERROR: transaction is read-only"
        case errors.QueryCanceled():
            return "ERROR: Query cancelled on user's request"
        case (
            errors.UndefinedFunction()
            | errors.DatatypeMismatch()
            | errors.UndefinedObject()
            | errors.AmbiguousFunction()
        ):
            for pattern, name in _TYPE_NAMES:
                primary = pattern.sub(name, primary)
    return f"ERROR: {primary}"


def _invalid_digit(primary: str) -> str:
    found = _INVALID_INPUT.fullmatch(primary)
    if found is None or found["type"] not in _NUMBER_TYPES:
        return primary
    value = found["value"]
    allowed = "0123456789+-." if found["type"] == "numeric" else "0123456789+-"
    position = next((at for at, character in enumerate(value) if character not in allowed), 0)
    shown = value[position : position + 1]
    return f"Invalid digit, Value '{shown}', Pos {position}, Type: {_NUMBER_TYPES[found['type']]}"
