"""Rewrites QUALIFY, which PostgreSQL lacks, to a WHERE around the query."""

from __future__ import annotations

from sqlglot import exp

from local_aws.redshift.refusal import SqlNotSupported

_INNER = "_qualified"


def without_qualify(select: exp.Select) -> exp.Expr:
    """Return a query without QUALIFY. Clauses after QUALIFY move outside, too.

    With ``*``, the query's tables become composite columns, which the outer query expands: the names of their columns
    are not in the tree.

    Raises:
        SqlNotSupported: The local Redshift does not support QUALIFY in this query.
    """
    if select.args.get("distinct"):
        raise SqlNotSupported("QUALIFY with SELECT DISTINCT is not supported by the local Redshift")
    after = {name: select.args.get(name) for name in ("order", "limit", "offset", "with_")}
    for name in after:
        select.set(name, None)
    inner: list[exp.Expr] = []
    shown: list[exp.Expr] = []

    def outside(value: exp.Expr) -> exp.Column:
        """Add a column to the inner query, and return it for the outer one."""
        inner.append(value)
        return exp.column(f"_c{len(inner)}", table=_INNER, quoted=True)

    names = {item.alias_or_name for item in select.expressions}
    aliases = {item.alias.lower(): item.this for item in select.expressions if isinstance(item, exp.Alias)}
    for item in select.expressions:
        if item.is_star:
            for table in [item.table] if isinstance(item, exp.Column) else _sources(select):
                row = exp.Paren(this=outside(exp.column(table, quoted=True)))
                shown.append(exp.Dot(this=row, expression=exp.Star()))
        else:
            name = item.alias_or_name or _name_of(item)
            shown.append(exp.alias_(outside(item), name, quoted=True))
    condition = select.args["qualify"].this
    for column in list(condition.find_all(exp.Column)):
        if not column.table and column.name.lower() in aliases:
            column.replace(exp.Paren(this=aliases[column.name.lower()].copy()))
    kept = outside(condition)
    for ordered in after["order"].expressions if after["order"] is not None else ():
        key = ordered.this
        is_result = isinstance(key, exp.Column) and not key.table and key.name in names
        if not is_result and not key.is_int:
            ordered.set("this", outside(key))
    select.set("expressions", inner)
    select.set("qualify", None)
    columns = [exp.to_identifier(f"_c{number}", quoted=True) for number in range(1, len(inner) + 1)]
    alias = exp.TableAlias(this=exp.to_identifier(_INNER, quoted=True), columns=columns)
    source = exp.Subquery(this=select, alias=alias)
    outer = exp.select(*shown).from_(source).where(kept)
    for name, value in after.items():
        outer.set(name, value)
    return outer


def _sources(select: exp.Select) -> list[str]:
    joins = select.args.get("joins") or []
    if any(join.args.get("using") or join.method for join in joins):
        raise SqlNotSupported(
            "QUALIFY with * and JOIN … USING is not supported by the local Redshift: name the columns"
        )
    return [source.alias_or_name for source in (select.args["from_"].this, *(join.this for join in joins))]


def _name_of(item: exp.Expr) -> str:
    """Return the name that an expression without an alias has in the result."""
    while isinstance(item, exp.Window | exp.Cast):
        item = item.this
    return item.name.rpartition(".")[2].lower() if isinstance(item, exp.Anonymous) else "?column?"
