r"""Recognizes queries of PostgreSQL's catalog, such as those behind psql's ``\d``, which run without a translation."""

from __future__ import annotations

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

_CATALOG = "pg_catalog"
_FUNCTIONS = {
    "array_length", "array_lower", "array_remove", "array_to_string", "array_upper", "cardinality", "col_description",
    "current_schema", "current_schemas", "format_type", "obj_description", "pg_partition_ancestors",
    "pg_relation_is_publishable", "pg_size_pretty", "quote_ident", "quote_literal", "shobj_description",
    "string_to_array", "to_regclass", "unnest",
}  # fmt: skip
_FAMILIES = ("has_", "pg_get_", "regexp_")
_ENDINGS = ("_is_visible", "_size", "_to_char")


def reads_only_the_catalog(text: str) -> bool:
    """Return whether a statement is a plain query of ``pg_catalog``, without functions that have effects.

    It reads tables of the catalog, or it only calls functions of the catalog by their qualified names.

    Args:
        text: One statement.
    """
    if _CATALOG[:3] not in text.lower():
        return False
    try:
        tree = sqlglot.parse_one(text, read="postgres")
    except SqlglotError:
        return False
    if not isinstance(tree, exp.Query) or tree.find(exp.Into, exp.Lock, exp.DML, exp.DDL, exp.Command):
        return False
    common = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    tables = [table for table in tree.find_all(exp.Table) if table.db or table.name.lower() not in common]
    calls = [call for call in tree.find_all(exp.Func) if not isinstance(call, exp.Cast)]
    return (
        (bool(tables) or (bool(calls) and all(isinstance(call.parent, exp.Dot) for call in calls)))
        and all(_is_in_the_catalog(table) for table in tables)
        and all(_has_no_effect(call) for call in calls if isinstance(call, exp.Anonymous))
    )


def _is_in_the_catalog(table: exp.Table) -> bool:
    if isinstance(table.this, exp.Func):  # its function is checked with the others
        return True
    return not table.catalog and (
        table.db.lower() == _CATALOG or (not table.db and table.name.lower().startswith("pg_"))
    )


def _has_no_effect(call: exp.Anonymous) -> bool:
    name = call.name.lower()
    qualified = call.parent.this if isinstance(call.parent, exp.Dot) and call.parent.expression is call else None
    if qualified is None and isinstance(call.parent, exp.Table):
        qualified = call.parent.args.get("db")
    if qualified is not None and qualified.name.lower() != _CATALOG:
        return False
    return name in _FUNCTIONS or name.startswith(_FAMILIES) or name.endswith(_ENDINGS)
