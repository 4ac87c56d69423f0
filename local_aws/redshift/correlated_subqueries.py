"""Refuses correlated subqueries that Redshift cannot decorrelate.

Source: https://docs.aws.amazon.com/redshift/latest/dg/r_correlated_subqueries.html. A column counts as a correlation
reference if its qualifier names a table of an outer query. Without a qualifier, the catalog shows which table has it.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from local_aws.redshift.refusal import SqlNotSupported
from local_aws.redshift.typing import ColumnsOf

_BLOCKS = (exp.Select, exp.Update, exp.Delete, exp.Merge)
_KEPT_AGGREGATES = frozenset({"min", "max"})
_TAKE_DATE_PARTS = frozenset({"date_add", "date_diff", "date_part", "date_trunc", "dateadd", "datediff", "pgdate_part"})


def check_correlated_subqueries(tree: exp.Expr, aggregates: frozenset[str], columns_of: ColumnsOf) -> None:
    """Check the subqueries of a statement.

    Args:
        tree: The statement before its calls are rewritten.
        aggregates: The names of the aggregate functions.
        columns_of: The catalog.

    Raises:
        SqlNotSupported: A subquery has a documented unsupported pattern.
    """
    common = frozenset(cte.alias.lower() for cte in tree.find_all(exp.CTE))
    depths = {id(column): _depth(column, columns_of, common) for column in tree.find_all(exp.Column)}
    for column in tree.find_all(exp.Column):
        _check_reference(column, depths[id(column)], aggregates)
    for select in tree.find_all(exp.Select):
        _check_grouping(select, depths)


def _blocks_around(node: exp.Expr) -> Iterator[exp.Expr]:
    """Yield the query blocks around a node, the innermost first."""
    block = node.find_ancestor(*_BLOCKS)
    while block is not None:
        yield block
        block = block.find_ancestor(*_BLOCKS)


def _sources(block: exp.Expr) -> list[exp.Expr]:
    """Return the tables and subqueries that a block's columns come from."""
    sources: list[exp.Expr | bool | None] = []
    if isinstance(block, exp.Select | exp.Update):
        clause = block.args.get("from_")
        sources.append(clause.this if clause is not None else None)
        sources += [join.this for join in block.args.get("joins") or []]
    if isinstance(block, exp.Update | exp.Delete | exp.Merge):
        sources.append(block.this)
        using = block.args.get("using")
        sources += using if isinstance(using, list) else [using]
    found = [source for source in sources if isinstance(source, exp.Expr)]
    return found + [join.this for source in found for join in source.args.get("joins") or []]


def _depth(column: exp.Column, columns_of: ColumnsOf, common: frozenset[str]) -> int:
    """Return how many query blocks lie between a column and its table: 0 if it belongs to the innermost block."""
    blocks = list(_blocks_around(column))
    if len(blocks) < 2 or _is_date_part(column):
        return 0
    for at, block in enumerate(blocks):
        if column.table:
            has: bool | None = _has_source(block, column.table.lower())
        else:
            has = _has_column(block, column, columns_of, common)
        if has is None:
            return 0
        if has:
            return at
    return 0


def _is_date_part(column: exp.Column) -> bool:
    call = column.parent
    return isinstance(call, exp.Anonymous) and call.name.lower() in _TAKE_DATE_PARTS and call.expressions[0] is column


def _has_source(block: exp.Expr, name: str) -> bool:
    return any(source.alias_or_name.lower() == name for source in _sources(block))


def _has_column(block: exp.Expr, column: exp.Column, columns_of: ColumnsOf, common: frozenset[str]) -> bool | None:
    """Return whether a column without a qualifier belongs to a block; None if a source's columns are not known.

    The columns of common table expressions, whose names are ``common``, are not known.
    """
    name = column.name.lower()
    if isinstance(block, exp.Select) and any(item.alias.lower() == name for item in block.expressions):
        return True
    is_known = True
    for source in _sources(block):
        found = None
        if isinstance(source, exp.Table) and not (
            source.alias_column_names or (source.name.lower() in common and not source.db)
        ):
            found = columns_of(source.db.lower() or None, source.name.lower())
        if found is not None and name in found:
            return True
        is_known &= found is not None
    return False if is_known else None


def _check_reference(column: exp.Column, depth: int, aggregates: frozenset[str]) -> None:
    if depth == 0:
        return
    blocks = list(_blocks_around(column))
    if depth > 1:
        raise _refused(f"{column.sql()} skips a query block")
    block = blocks[0]
    if _is_within_outer_join(block, blocks[1]):
        raise _refused(f"{column.sql()} is in the ON clause of an outer join")
    if any(window.find_ancestor(*_BLOCKS) is block for window in block.find_all(exp.Window)):
        raise _refused(f"the subquery with {column.sql()} contains a window function")
    if isinstance(block.find_ancestor(exp.In, exp.Exists, *_BLOCKS), exp.In) and block.args.get("group"):
        for call in block.find_all(exp.Anonymous):
            name = call.name.lower()
            if call.find_ancestor(*_BLOCKS) is block and name in aggregates and name not in _KEPT_AGGREGATES:
                raise _refused(f"the subquery with {column.sql()} after IN has {name.upper()} and GROUP BY")


def _is_within_outer_join(block: exp.Expr, outer: exp.Expr) -> bool:
    join = block.find_ancestor(exp.Join, *_BLOCKS)
    return isinstance(join, exp.Join) and bool(join.side) and join.find_ancestor(*_BLOCKS) is outer


def _check_grouping(select: exp.Select, depths: dict[int, int]) -> None:
    group = select.args.get("group")
    if group is None:
        return
    results = {
        item.alias.lower(): item
        for item in select.expressions
        if isinstance(item, exp.Alias) and _has_correlated_subquery(item, depths)
    }
    for item in group.expressions:
        by_number = item.is_int and 0 < int(item.name) <= len(select.expressions)
        grouped = select.expressions[int(item.name) - 1] if by_number else item
        by_name = isinstance(item, exp.Column) and not item.table and item.name.lower() in results
        if by_name or _has_correlated_subquery(grouped, depths):
            raise _refused("GROUP BY contains the result of a correlated subquery")


def _has_correlated_subquery(item: exp.Expr, depths: dict[int, int]) -> bool:
    return any(depths[id(column)] > 0 for query in item.find_all(exp.Select) for column in query.find_all(exp.Column))


def _refused(reason: str) -> SqlNotSupported:
    return SqlNotSupported(f"This type of correlated subquery pattern is not supported yet: {reason}")
