"""The names of result columns without an alias, as Redshift's examples show them.

Redshift comes from an older PostgreSQL: the name is that of the column or of the function. A CASE or a cast has its own
name if its value has none. The names of functions are the internal ones, such as ``btrim`` for TRIM:
https://docs.aws.amazon.com/redshift/latest/dg/c_SQL_functions.html
"""

from __future__ import annotations

from sqlglot import exp

from local_aws.redshift.typing import written_type

_FUNCTIONS = {
    "dateadd": "date_add",
    "datediff": "date_diff",
    "date_part": "pgdate_part",
    "log": "dlog10",
    "nvl": "coalesce",
    "trim": "btrim",
}
_NO_NAME = "?column?"


def name_columns(tree: exp.Expr) -> None:
    """Give every result column without an alias its name in Redshift, in all queries of a statement."""
    for select in tree.find_all(exp.Select):
        select.set("expressions", [_named(item) for item in select.expressions])


def _named(item: exp.Expr) -> exp.Expr:
    if isinstance(item, exp.Alias | exp.Column) or item.is_star:
        return item
    name = result_name(item)
    return item if name is None else exp.alias_(item, name, quoted=True, copy=False)


def result_name(item: exp.Expr) -> str | None:
    """Return the name of a result column without an alias, or None if AWS does not document it."""
    return None if isinstance(item, exp.CurrentTimestamp | exp.CurrentUser) else _name(item)[0]


def _name(node: exp.Expr) -> tuple[str, bool]:
    """Return a name, and whether it is preferred to that of a CASE or a cast around it."""
    if isinstance(node, exp.Paren | exp.Window | exp.WithinGroup | exp.IgnoreNulls | exp.RespectNulls):
        return _name(node.this)
    if isinstance(node, exp.Column | exp.Alias):
        return node.alias_or_name.lower(), True
    if isinstance(node, exp.Subquery):
        query = node.unnest()
        first = query.selects[0] if isinstance(query, exp.Query) and query.selects else None
        return (_NO_NAME, False) if first is None or first.is_star else _name(first)
    if isinstance(node, exp.Exists):
        return "exists", True
    if isinstance(node, exp.Cast):
        inner, is_preferred = _name(node.this)
        found = written_type(node.to)
        return (inner, True) if is_preferred or found is None else (found.kind, False)
    if isinstance(node, exp.Case):
        default = node.args.get("default")
        inner, is_preferred = _name(default) if default is not None else ("", False)
        return (inner, True) if is_preferred else ("case", False)
    if isinstance(node, exp.Anonymous):
        name = node.name.lower()
        if name in {"decode", "nvl2"}:
            return "case", False
        return _FUNCTIONS.get(name, name), True
    if isinstance(node, exp.Trim):
        return {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(
            str(node.args.get("position") or "").upper(), "btrim"
        ), True
    return _BY_NODE.get(type(node), _NO_NAME), type(node) in _BY_NODE


_BY_NODE: dict[type[exp.Expr], str] = {
    exp.Extract: "date_part",
    exp.Substring: "substring",
    exp.StrPosition: "position",
    exp.CurrentDate: "date",
}
