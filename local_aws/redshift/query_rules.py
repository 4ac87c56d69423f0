"""Refuses query syntax that PostgreSQL runs and Redshift does not.

Each rule is a pure function of the syntax tree and names the page that documents it.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from local_aws.redshift.dialect import PhysicalDesign
from local_aws.redshift.refusal import SqlNotSupported
from local_aws.redshift.window_functions import TAKE_IGNORE_NULLS

_WITHOUT_FRAME = frozenset(
    {"lag", "lead", "listagg", "median", "percentile_cont", "percentile_disc", "ratio_to_report"}
)
_WITHOUT_ORDER = frozenset({"listagg", "median", "percentile_cont", "percentile_disc", "ratio_to_report"})
_SYSTEM_COLUMNS = frozenset({"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"})
_COMPUTE_NODE_ONLY = frozenset({"listagg", "median", "percentile_cont", "percentile_disc"})
_SORTED_AGGREGATES = frozenset({"listagg", "median", "percentile_cont"})


def check_query_rules(tree: exp.Expr) -> None:
    """Check a statement's tree before its calls are rewritten.

    Raises:
        SqlNotSupported: It contains syntax that Redshift refuses.
    """
    for node in tree.walk():
        check = _RULES.get(type(node))
        if check is not None:
            check(node)


def called(window: exp.Window) -> exp.Anonymous | None:
    """Return the call that a window clause belongs to, without WITHIN GROUP and IGNORE NULLS around it."""
    function = window.this
    while isinstance(function, exp.WithinGroup | exp.IgnoreNulls | exp.RespectNulls):
        function = function.this
    return function if isinstance(function, exp.Anonymous) else None


def _frame(spec: exp.Expr) -> None:
    """Source: frame_clause in https://docs.aws.amazon.com/redshift/latest/dg/c_Window_functions.html."""
    kind = str(spec.args.get("kind") or "ROWS").upper()
    if kind != "ROWS":
        raise SqlNotSupported(f'syntax error at or near "{kind}": a frame clause of Redshift takes ROWS only')
    if spec.args.get("exclude"):
        raise SqlNotSupported('syntax error at or near "EXCLUDE": a frame clause of Redshift excludes no rows')


def _window(window: exp.Expr) -> None:
    """Source: the pages of the functions, such as https://docs.aws.amazon.com/redshift/latest/dg/r_WF_LAG.html."""
    call = called(window) if isinstance(window, exp.Window) else None
    name = call.name.lower() if call is not None else ""
    if name in {"lag", "lead"} and call is not None and len(call.expressions) > 2:
        raise SqlNotSupported(f"{name.upper()} takes a value and an offset: use NVL for a default value")
    if name in _WITHOUT_FRAME and window.args.get("spec"):
        raise SqlNotSupported(f"the OVER clause of {name.upper()} cannot contain a frame clause")
    if name in _WITHOUT_ORDER and window.args.get("order"):
        raise SqlNotSupported(f"the OVER clause of {name.upper()} cannot contain ORDER BY")


def _nulls(option: exp.Expr) -> None:
    """Source: the pages of the functions, such as https://docs.aws.amazon.com/redshift/latest/dg/r_WF_first_value.html."""
    window = option.find_ancestor(exp.Window)
    call = called(window) if window is not None else None
    if call is None or call.name.lower() not in TAKE_IGNORE_NULLS:
        word = "IGNORE" if isinstance(option, exp.IgnoreNulls) else "RESPECT"
        raise SqlNotSupported(f"{word} NULLS is supported in LAG, LEAD, FIRST_VALUE, LAST_VALUE and NTH_VALUE only")


def _set_operation(operation: exp.Expr) -> None:
    """Source: https://docs.aws.amazon.com/redshift/latest/dg/r_UNION.html."""
    for query in (operation.this, operation.expression):
        if _is_limited(query):
            raise SqlNotSupported("LIMIT may not be used within input to set operations.")
    if operation.args.get("distinct") is False and not isinstance(operation, exp.Union):
        word = "INTERSECT" if isinstance(operation, exp.Intersect) else "EXCEPT"
        raise SqlNotSupported(f"{word} ALL is not supported by Redshift: use {word}")


def _is_limited(query: exp.Expr) -> bool:
    while isinstance(query, exp.Query):
        if query.args.get("limit") or query.args.get("offset"):
            return True
        if not isinstance(query, exp.Subquery):
            return False
        query = query.this
    return False


def _values(values: exp.Expr) -> None:
    """Source: https://docs.aws.amazon.com/redshift/latest/dg/c_unsupported-postgresql-features.html.

    Subqueries: https://docs.aws.amazon.com/redshift/latest/dg/r_INSERT_30.html.
    """
    if not isinstance(values.parent, exp.Insert):
        raise SqlNotSupported("a VALUES list used as a constant table is not supported by Redshift: use UNION ALL")
    if len(values.expressions) > 1 and any(row.find(exp.Query) for row in values.expressions):
        raise SqlNotSupported("VALUES with several rows takes no subqueries: use INSERT INTO … SELECT … UNION ALL")


def _is(comparison: exp.Expr) -> None:
    """Source: https://docs.aws.amazon.com/redshift/latest/dg/r_Boolean_type.html."""
    if not isinstance(comparison.expression, exp.Boolean):
        return
    item = comparison
    while isinstance(item.parent, exp.Alias | exp.Paren | exp.Not | exp.And | exp.Or):
        item = item.parent
    if isinstance(item.parent, exp.Select) and item.arg_key == "expressions":
        word = "TRUE" if comparison.expression.this else "FALSE"
        raise SqlNotSupported(f"IS {word} in the select list is not supported by Redshift: use = {word}")


def _create(create: exp.Expr) -> None:
    """Source: DISTKEY and DISTSTYLE in https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_TABLE_NEW.html."""
    designs = list(create.find_all(PhysicalDesign))
    keys = sum(design.args.get("dist_keys") or 0 for design in designs)
    styles = [design.args["dist_style"] for design in designs if design.args.get("dist_style")]
    if keys > 1:
        raise SqlNotSupported("only one column of a table can be its DISTKEY")
    if len(styles) > 1:
        raise SqlNotSupported("a table has one DISTSTYLE only")
    if keys and any(style in {"ALL", "EVEN"} for style in styles):
        raise SqlNotSupported(f"a DISTKEY cannot be combined with DISTSTYLE {styles[0]}")
    if "KEY" in styles and not keys:
        raise SqlNotSupported("DISTSTYLE KEY needs a DISTKEY")


def _call(call: exp.Expr) -> None:
    if call.name.lower() == "values" and isinstance(call.parent, exp.CTE | exp.Subquery):  # VALUES with one row
        raise SqlNotSupported("a VALUES list used as a constant table is not supported by Redshift: use UNION ALL")


def _column(column: exp.Expr) -> None:
    """Source: https://docs.aws.amazon.com/redshift/latest/dg/c_unsupported-postgresql-features.html."""
    if column.name.lower() in _SYSTEM_COLUMNS:
        raise SqlNotSupported(f'column "{column.name.lower()}" does not exist: Redshift has no system columns')


def _cast(cast: exp.Expr) -> None:
    """Refuse the text of a truth value where the syntax alone shows its type. ``redshift.as_text`` refuses the others.

    Source: the table of conversions in https://docs.aws.amazon.com/redshift/latest/dg/c_Supported_data_types.html has
    none from BOOLEAN to CHAR or VARCHAR.
    """
    to = cast.args["to"]
    value = cast.this.unnest()
    if isinstance(to, exp.DataType) and to.this in exp.DataType.TEXT_TYPES and isinstance(value, _TRUTH_VALUES):
        kind = "character" if to.this in {exp.DataType.Type.CHAR, exp.DataType.Type.NCHAR} else "character varying"
        raise SqlNotSupported(f"cannot cast type boolean to {kind}")


def _select(select: exp.Expr) -> None:
    """Check the aggregates of one query block.

    Source: the usage notes of https://docs.aws.amazon.com/redshift/latest/dg/r_MEDIAN.html.
    """
    orders = set()
    for call in select.find_all(exp.Anonymous):
        name = call.name.lower()
        if call.find_ancestor(exp.Select) is not select:
            continue
        if name in _COMPUTE_NODE_ONLY and not select.find(exp.Table):
            raise SqlNotSupported(f"{name.upper()} is a compute-node only function: the query must read a table")
        group = call.parent if isinstance(call.parent, exp.WithinGroup) else None
        if name in _SORTED_AGGREGATES and not isinstance((group or call).parent, exp.Window):
            if group is not None:
                orders.add(tuple(item.this.sql().lower() for item in group.expression.expressions))
            elif name == "median":
                orders.add(tuple(argument.sql().lower() for argument in call.expressions))
    if len(orders) > 1:
        raise SqlNotSupported("within group ORDER BY clauses for aggregate functions must be the same")


def _merge(merge: exp.Expr) -> None:
    """Source: https://docs.aws.amazon.com/redshift/latest/dg/r_MERGE.html."""
    target, source = merge.this, merge.args.get("using")
    if isinstance(target, exp.Table) and isinstance(source, exp.Table):
        same_name = target.name.lower() == source.name.lower()
        if same_name and (target.db or "public").lower() == (source.db or "public").lower():
            raise SqlNotSupported("MERGE: the source and the target cannot be the same table")
    if merge.args.get("with_"):
        raise SqlNotSupported("MERGE takes no WITH clause")


_TRUTH_VALUES = (
    exp.Boolean, exp.Not, exp.And, exp.Or, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Is, exp.In,
    exp.Between, exp.Like, exp.ILike, exp.SimilarTo, exp.Exists,
)  # fmt: skip
_RULES: dict[type[exp.Expr], Callable[[exp.Expr], None]] = {
    exp.WindowSpec: _frame,
    exp.Window: _window,
    exp.IgnoreNulls: _nulls,
    exp.RespectNulls: _nulls,
    exp.Except: _set_operation,
    exp.Intersect: _set_operation,
    exp.Union: _set_operation,
    exp.Is: _is,
    exp.Create: _create,
    exp.Values: _values,
    exp.Anonymous: _call,
    exp.Column: _column,
    exp.ColumnDef: _column,
    exp.Cast: _cast,
    exp.Select: _select,
    exp.Merge: _merge,
}
