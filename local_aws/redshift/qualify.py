"""Rewrites QUALIFY, which PostgreSQL lacks, to a WHERE around the query."""

from __future__ import annotations

from sqlglot import exp, transforms

from local_aws.redshift.refusal import SqlNotSupported

_INNER = "_qualified"
_KEPT = "_kept"


def without_qualify(select: exp.Select) -> exp.Expr:
    """Return a query without QUALIFY. Clauses after QUALIFY move outside, too.

    Raises:
        SqlNotSupported: The local Redshift does not support QUALIFY in this query.
    """
    if select.args.get("distinct"):
        raise SqlNotSupported("QUALIFY with SELECT DISTINCT is not supported by the local Redshift")
    after = {name: select.args.get(name) for name in ("order", "limit", "offset", "with_")}
    for name in after:
        select.set(name, None)
    stars = any(item.is_star for item in select.expressions)
    outer = _with_stars(select) if stars else transforms.eliminate_qualify(select)
    order = after["order"]
    for column in order.find_all(exp.Column) if isinstance(order, exp.Order) else ():
        column.set("table", None)  # outside, only the names of the result columns are known
        column.set("db", None)
    for name, value in after.items():
        outer.set(name, value)
    return outer


def _with_stars(select: exp.Select) -> exp.Select:
    """Return the WHERE around a query with ``*``.

    The query's tables become composite columns, which the outer query expands: the names of their columns are not in
    the tree.
    """
    sources = [select.args["from_"].this, *(join.this for join in select.args.get("joins") or [])]
    if any(join.args.get("using") or join.method for join in select.args.get("joins") or []):
        raise SqlNotSupported(
            "QUALIFY with * and JOIN … USING is not supported by the local Redshift: name the columns"
        )
    names = [source.alias_or_name for source in sources]
    aliases = {item.alias.lower(): item.this for item in select.expressions if isinstance(item, exp.Alias)}
    inner: list[exp.Expr] = []
    shown: list[exp.Expr] = []

    def show(value: exp.Expr, expanded: bool, name: str = "") -> None:
        column = f"_c{len(inner)}"
        inner.append(exp.alias_(value, column, quoted=True))
        outside = exp.column(column, table=_INNER, quoted=True)
        if expanded:
            shown.append(exp.Dot(this=exp.Paren(this=outside), expression=exp.Star()))
        else:
            shown.append(exp.alias_(outside, name, quoted=True) if name else outside)

    for item in select.expressions:
        if isinstance(item, exp.Star):
            for name in names:
                show(exp.column(name, quoted=True), expanded=True)
        elif item.is_star:
            show(exp.column(item.table, quoted=True), expanded=True)
        else:
            show(item.unalias(), expanded=False, name=item.alias_or_name or _name_of(item))
    condition = select.args["qualify"].this
    for column in list(condition.find_all(exp.Column)):
        if not column.table and column.name.lower() in aliases:
            column.replace(exp.Paren(this=aliases[column.name.lower()].copy()))
    inner.append(exp.alias_(condition, _KEPT, quoted=True))
    select.set("expressions", inner)
    select.set("qualify", None)
    source = exp.Subquery(this=select, alias=exp.TableAlias(this=exp.to_identifier(_INNER, quoted=True)))
    return exp.select(*shown).from_(source).where(exp.column(_KEPT, table=_INNER, quoted=True))


def _name_of(item: exp.Expr) -> str:
    """Return the name that an expression without an alias has in the result."""
    while isinstance(item, exp.Window | exp.Cast):
        item = item.this
    return item.name.rpartition(".")[2].lower() if isinstance(item, exp.Anonymous) else "?column?"
