"""Replaces references to the alias of an earlier result column, which PostgreSQL lacks, by the column's expression.

Sources: an alias in the SELECT list, where a column of FROM wins, in
https://docs.aws.amazon.com/redshift/latest/dg/r_SELECT_list.html; an alias in WHERE in
https://docs.aws.amazon.com/redshift/latest/dg/r_WHERE_clause.html.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlglot import exp

from local_aws.redshift.typing import ColumnsOf


def expand_lateral_aliases(tree: exp.Expr, columns_of: ColumnsOf) -> None:
    """Expand the aliases in all queries of a statement, in place. The catalog is read only if a name may be one."""
    for select in reversed(list(tree.find_all(exp.Select))):
        _expand(select, columns_of)


def _expand(select: exp.Select, columns_of: ColumnsOf) -> None:
    aliases: dict[str, exp.Expr] = {}
    found: list[tuple[exp.Column, str]] = []
    for item in select.expressions:
        found += [(column, column.name.lower()) for column in _bare_columns(item, select, aliases)]
        if isinstance(item, exp.Alias):
            aliases.setdefault(item.alias.lower(), item)
    where = select.args.get("where")
    if where is not None:
        found += [(column, column.name.lower()) for column in _bare_columns(where, select, aliases)]
    if not found:
        return
    real = _columns_of_sources(select, columns_of)
    if real is None:
        return
    for column, name in found:  # in the order of the list, so that an alias may be built on another one
        if name not in real:
            value: exp.Expr = exp.Paren(this=aliases[name].this.copy())
            column.replace(exp.alias_(value, name) if column.parent is select else value)


def _bare_columns(part: exp.Expr, select: exp.Select, names: Iterable[str]) -> list[exp.Column]:
    """Return the columns of this query block without a qualifier whose name is one of these."""
    return [
        column
        for column in part.find_all(exp.Column)
        if not column.table
        and column.name.lower() in names
        and column.find_ancestor(exp.Select) is select
        # an alias of the value itself: SELECT a AS a
        and not (isinstance(column.parent, exp.Alias) and column.parent.alias.lower() == column.name.lower())
    ]


def _columns_of_sources(select: exp.Select, columns_of: ColumnsOf) -> frozenset[str] | None:
    clause = select.args.get("from_")
    sources = [] if clause is None else [clause.this, *(join.this for join in select.args.get("joins") or [])]
    names: frozenset[str] = frozenset()
    for source in sources:
        found = _columns_of_source(source, columns_of)
        if found is None:
            return None
        names |= found
    return names


def _columns_of_source(source: exp.Expr, columns_of: ColumnsOf) -> frozenset[str] | None:
    renamed = source.args.get("alias")
    if isinstance(renamed, exp.TableAlias) and renamed.columns:
        return frozenset(column.name.lower() for column in renamed.columns)
    if isinstance(source, exp.Subquery):
        return _columns_of_query(source.this, columns_of)
    if not isinstance(source, exp.Table):
        return None
    if not source.db:
        for around in _blocks_around(source):
            with_ = around.args.get("with_")
            for common in with_.expressions if with_ is not None else ():
                if common.alias.lower() == source.name.lower() and source.find_ancestor(exp.CTE) is not common:
                    columns = common.args["alias"].columns
                    return (
                        frozenset(column.name.lower() for column in columns)
                        if columns
                        else _columns_of_query(common.this, columns_of)
                    )
    found = columns_of(source.db.lower() or None, source.name.lower())
    return None if found is None else frozenset(found)


def _blocks_around(node: exp.Expr) -> Iterable[exp.Expr]:
    parent = node.parent
    while parent is not None:
        yield parent
        parent = parent.parent


def _columns_of_query(query: exp.Expr, columns_of: ColumnsOf) -> frozenset[str] | None:
    while isinstance(query, exp.SetOperation | exp.Subquery):
        query = query.this
    if not isinstance(query, exp.Select):
        return None
    names: frozenset[str] = frozenset()
    for item in query.expressions:
        if item.is_star:
            found = _columns_of_sources(query, columns_of)
            if found is None:
                return None
            names |= found
        else:
            names |= {item.alias_or_name.lower()}
    return names
