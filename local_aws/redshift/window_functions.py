"""Rewrites window functions that PostgreSQL lacks: IGNORE NULLS, RATIO_TO_REPORT, percentiles and LISTAGG.

MEDIAN and PERCENTILE_CONT become ``redshift.percentile(redshift.sorted(redshift.measure(value)), share)``. Their result
is DECIMAL for integers and DECIMAL, DOUBLE PRECISION for floating-point numbers, and a timestamp for timestamps.
"""

from __future__ import annotations

from decimal import Decimal

from sqlglot import exp

from local_aws.redshift.functions import call
from local_aws.redshift.refusal import SqlNotSupported

TAKE_IGNORE_NULLS = frozenset({"lag", "lead", "first_value", "last_value", "nth_value"})
LISTAGG = "redshift.within_listagg_limit"
_PERCENTILE = "redshift.percentile"
_DISCRETE = "redshift.discrete_percentile"


def percentile_cont(function: exp.Anonymous, order: exp.Order) -> exp.Expr:
    """Return PERCENTILE_CONT(share) WITHIN GROUP (ORDER BY value).

    Source: https://docs.aws.amazon.com/redshift/latest/dg/r_PERCENTILE_CONT.html

    Raises:
        SqlNotSupported: The share is not a constant between 0 and 1, or there is more than one value.
    """
    share, item = _share_and_value(function, order)
    return percentile(item.this, 1 - share if item.args.get("desc") else share)


def percentile_disc(function: exp.Anonymous, order: exp.Order) -> exp.Expr:
    """Return PERCENTILE_DISC(share) WITHIN GROUP (ORDER BY value), which needs an OVER clause.

    Source: https://docs.aws.amazon.com/redshift/latest/dg/r_WF_PERCENTILE_DISC.html

    Raises:
        SqlNotSupported: The share is not a constant between 0 and 1, or there is more than one value.
    """
    share, item = _share_and_value(function, order)
    values = call("array_agg", exp.Order(this=item.this.copy(), expressions=[item]))
    return call(_DISCRETE, values, exp.Literal.number(str(share)))


PERCENTILES = {"percentile_cont": percentile_cont, "percentile_disc": percentile_disc}


def _share_and_value(function: exp.Anonymous, order: exp.Order) -> tuple[Decimal, exp.Expr]:
    given = function.expressions
    name = function.name.upper()
    if len(given) != 1 or not (isinstance(given[0], exp.Literal) and given[0].is_number):
        raise SqlNotSupported(f"{name} takes a numeric constant between 0 and 1")
    share = Decimal(given[0].name)
    if not 0 <= share <= 1:
        raise SqlNotSupported(f"{name} takes a numeric constant between 0 and 1")
    if len(order.expressions) != 1:
        raise SqlNotSupported(f"WITHIN GROUP of {name} takes one expression")
    return share, order.expressions[0]


def percentile(value: exp.Expr, share: Decimal) -> exp.Expr:
    """Return the aggregate that interpolates between sorted values."""
    ordered = call("redshift.sorted", call("redshift.measure", value))
    return call(_PERCENTILE, ordered, exp.Literal.number(str(share)))


def rewrite_window(window: exp.Window) -> exp.Expr:
    """Return a window function, whose call is already rewritten, as PostgreSQL has it.

    Raises:
        SqlNotSupported: The offset with IGNORE NULLS is not a constant.
    """
    function = window.this
    if isinstance(function, exp.RespectNulls):
        function = function.this
        window.set("this", function)
    if isinstance(function, exp.IgnoreNulls):
        return _ignoring_nulls(window, function.this)
    if not isinstance(function, exp.Anonymous):
        return window
    first = function.expressions[0] if function.expressions else None
    if isinstance(first, exp.IgnoreNulls):
        function.set("expressions", [first.this, *function.expressions[1:]])
        return _ignoring_nulls(window, function)
    if isinstance(first, exp.RespectNulls):
        function.set("expressions", [first.this, *function.expressions[1:]])
    if function.name == _PERCENTILE:
        ordered, share = function.expressions
        return call(_PERCENTILE, _over(window, ordered), share)
    if function.name == _DISCRETE:
        values, share = function.expressions
        return call(_DISCRETE, _over_in_order(window, values), share)
    if function.name == LISTAGG:
        return _listagg_over(window, function)
    if function.name.lower() == "ratio_to_report":
        value = exp.Cast(this=function.expressions[0], to=exp.DataType.build("double"))
        total = _over(window, call("sum", value.copy()))
        return exp.Paren(this=exp.Div(this=value, expression=total, typed=True))
    return window


def _over(window: exp.Window, function: exp.Expr) -> exp.Window:
    changed = window.copy()
    changed.set("this", function)
    return changed


def _listagg_over(window: exp.Window, function: exp.Anonymous) -> exp.Expr:
    """Return LISTAGG over all rows of a partition, in the order of WITHIN GROUP.

    Source: https://docs.aws.amazon.com/redshift/latest/dg/r_WF_LISTAGG.html
    """
    (joined,) = function.expressions
    if joined.name == "redshift.join_distinct":
        values, separator = joined.expressions
        return call(LISTAGG, call(joined.name, _over_in_order(window, values), separator))
    return call(LISTAGG, _over_in_order(window, joined))


def _over_in_order(window: exp.Window, aggregate: exp.Anonymous) -> exp.Window:
    """Move the ORDER BY in an aggregate's last argument to its window, where PostgreSQL needs it."""
    *others, last = aggregate.expressions
    if not isinstance(last, exp.Order):
        return _over(window, aggregate)
    over = _over(window, call(aggregate.name, *others, last.this))
    over.set("order", exp.Order(expressions=last.expressions))
    over.set("spec", _rows("UNBOUNDED", "FOLLOWING"))
    return over


def _rows(end: str | exp.Expr, end_side: str) -> exp.WindowSpec:
    return exp.WindowSpec(kind="ROWS", start="UNBOUNDED", start_side="PRECEDING", end=end, end_side=end_side)


def _ignoring_nulls(window: exp.Window, function: exp.Anonymous) -> exp.Expr:
    name = function.name.lower()
    value = function.expressions[0]
    if name in {"first_value", "last_value"}:
        return _over(window, call(f"redshift.{name.partition('_')[0]}_known", value))
    offset = function.expressions[1] if len(function.expressions) > 1 else exp.Literal.number(1)
    if not (isinstance(offset, exp.Literal) and offset.is_int and int(offset.name) > 0):
        raise SqlNotSupported(f"{name.upper()} with IGNORE NULLS takes a constant offset above 0 in the local Redshift")
    if name == "nth_value":
        return _over(window, call("redshift.nth_known", value, offset))
    changed = _over(window, call("redshift.known_before", value, offset))
    if name == "lead":  # the rows after a row are the rows before it in the opposite order
        order = changed.args.get("order")
        for item in order.expressions if order is not None else ():
            item.set("desc", not item.args.get("desc"))
            item.set("nulls_first", not item.args.get("nulls_first"))
    changed.set("spec", _rows(exp.Literal.number(1), "PRECEDING"))
    return changed
