"""Refuses correlated subqueries that Redshift cannot decorrelate.

Source: https://docs.aws.amazon.com/redshift/latest/dg/r_correlated_subqueries.html. A column counts as a correlation
reference if its qualifier names a table of an outer query. Columns without a qualifier are assumed to belong to the
subquery itself, because the tree does not show the columns of the tables.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from local_aws.redshift.refusal import SqlNotSupported

_BLOCKS = (exp.Select, exp.Update, exp.Delete, exp.Merge)
_KEPT_AGGREGATES = frozenset({"min", "max"})


def check_correlated_subqueries(tree: exp.Expr, aggregates: frozenset[str]) -> None:
    """Check the subqueries of a statement.

    Args:
        tree: The statement before its calls are rewritten.
        aggregates: The names of the aggregate functions.

    Raises:
        SqlNotSupported: A subquery has a documented unsupported pattern.
    """
    for column in tree.find_all(exp.Column):
        if column.table:
            _check_reference(column, aggregates)
    for select in tree.find_all(exp.Select):
        _check_grouping(select)


def _blocks_around(node: exp.Expr) -> Iterator[exp.Expr]:
    """Yield the query blocks around a node, the innermost first."""
    block = node.find_ancestor(*_BLOCKS)
    while block is not None:
        yield block
        block = block.find_ancestor(*_BLOCKS)


def _source_names(block: exp.Expr) -> set[str]:
    """Return the names by which a block's columns can be qualified."""
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
    found += [join.this for source in found for join in source.args.get("joins") or []]
    return {source.alias_or_name.lower() for source in found}


def _depth(column: exp.Column) -> tuple[int, list[exp.Expr]]:
    """Return how many query blocks lie between a column and its table, and the blocks around the column."""
    blocks = list(_blocks_around(column))
    name = column.table.lower()
    return next((at for at, block in enumerate(blocks) if name in _source_names(block)), 0), blocks


def _check_reference(column: exp.Column, aggregates: frozenset[str]) -> None:
    depth, blocks = _depth(column)
    if depth == 0:
        return
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


def _check_grouping(select: exp.Select) -> None:
    group = select.args.get("group")
    if group is None:
        return
    results = {
        item.alias.lower(): item
        for item in select.expressions
        if isinstance(item, exp.Alias) and _has_correlated_subquery(item)
    }
    for item in group.expressions:
        by_number = item.is_int and 0 < int(item.name) <= len(select.expressions)
        grouped = select.expressions[int(item.name) - 1] if by_number else item
        by_name = isinstance(item, exp.Column) and not item.table and item.name.lower() in results
        if by_name or _has_correlated_subquery(grouped):
            raise _refused("GROUP BY contains the result of a correlated subquery")


def _has_correlated_subquery(item: exp.Expr) -> bool:
    return any(
        _depth(column)[0] > 0
        for subquery in item.find_all(exp.Select)
        for column in subquery.find_all(exp.Column)
        if column.table
    )


def _refused(reason: str) -> SqlNotSupported:
    return SqlNotSupported(f"This type of correlated subquery pattern is not supported yet: {reason}")
