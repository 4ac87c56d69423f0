"""Inserts the casts and calls that give PostgreSQL's expressions Redshift's types, after ``typing.add_types``.

Products and quotients of DECIMALs become calls of functions. The operators themselves are refused at run time
(``compat.sql``), so that no untyped product or quotient gets PostgreSQL's scale.
"""

from __future__ import annotations

from sqlglot import exp

from local_aws.redshift import types
from local_aws.redshift.functions import call
from local_aws.redshift.refusal import SqlNotSupported
from local_aws.redshift.types import SqlType
from local_aws.redshift.typing import branches, columns_of_query, set_type, type_of

_Type = exp.DataType.Type
_OWN_CALL = "own_call"
_OF_DOUBLES = frozenset(
    """
    sqrt exp dexp power pow ln dlog1 sin cos tan cot asin acos atan atan2 cbrt degrees radians stddev stddev_pop
    stddev_samp var_pop var_samp variance
    """.split()  # noqa: SIM905
)
_KEEPS_TYPE = frozenset({"round", "ceil", "ceiling", "floor", "trunc", "sign"})
_KEEPS_DIGITS = frozenset({"round", "ceil", "ceiling", "floor", "trunc", "mod"})


def insert_casts(tree: exp.Expr) -> exp.Expr:
    """Return a statement with Redshift's arithmetic. Its expressions have their types.

    Raises:
        SqlNotSupported: Redshift refuses an argument's type.
    """
    for node in reversed(list(tree.walk())):  # children before parents
        parent, key, index = node.parent, node.arg_key, node.index
        new = _rewritten(node)
        if new is node:
            continue
        if parent is None or key is None or node is tree:
            tree = new
        else:
            parent.set(key, new, index)
    return tree


def _rewritten(node: exp.Expr) -> exp.Expr:
    found = type_of(node)
    if isinstance(node, exp.SetOperation):
        return _with_common_types(node)
    if isinstance(node, exp.Add | exp.Sub | exp.Mul | exp.Div):
        if isinstance(node, exp.Add) and found is not None and found.is_text:
            return set_type(exp.DPipe(this=node.this, expression=node.expression, safe=True), found)
        return _arithmetic(node, found) if found is not None and found.kind == "numeric" else node
    if isinstance(node, exp.Pow):
        return set_type(exp.Pow(this=_as_double(node.this), expression=_as_double(node.expression)), found)
    if isinstance(node, exp.Case):
        return _exact(node, found)
    function = _function(node)
    return node if function is None else _called(node, function, found)


def _arithmetic(node: exp.Expr, found: SqlType) -> exp.Expr:
    if isinstance(node, exp.Mul):
        return cast(_postgres("pg_catalog.numeric_mul", node.this, node.expression), found)
    if isinstance(node, exp.Div):
        return cast(_quotient(node.this, node.expression, found.scale), found)
    return cast(exp.Paren(this=node), found)


def _quotient(a: exp.Expr, b: exp.Expr, scale: int) -> exp.Expr:
    """Return a quotient with exactly this scale, truncated. AWS does not document whether Redshift rounds it."""
    if scale == 0:
        return _postgres("pg_catalog.div", a, b)
    whole = _postgres("pg_catalog.div", _postgres("pg_catalog.numeric_mul", a, _number(f"1{'0' * scale}")), b)
    return _postgres("pg_catalog.numeric_mul", whole, _number(f"0.{'0' * (scale - 1)}1"))


def _function(node: exp.Expr) -> exp.Anonymous | None:
    """Return the function of an expression, which is its call or the window or the group around the call."""
    if isinstance(node, exp.IgnoreNulls | exp.RespectNulls):
        return None
    if isinstance(node, exp.Window | exp.WithinGroup | exp.Anonymous) and _is_inside_a_window(node):
        return None
    inner = node
    while isinstance(inner, exp.Window | exp.WithinGroup | exp.IgnoreNulls | exp.RespectNulls):
        inner = inner.this
    return inner if isinstance(inner, exp.Anonymous) and not is_own_call(inner) else None


def _is_inside_a_window(node: exp.Expr) -> bool:
    while node.arg_key == "this" and isinstance(node.parent, exp.IgnoreNulls | exp.RespectNulls):
        node = node.parent
    return node.arg_key == "this" and isinstance(node.parent, exp.Window | exp.WithinGroup)


def _called(node: exp.Expr, function: exp.Anonymous, found: SqlType | None) -> exp.Expr:
    name = function.name.lower()
    arguments = function.expressions
    first = type_of(arguments[0]) if arguments else None
    if name in _OF_DOUBLES:
        if name in {"ln", "dlog1"} and first is not None and first.kind == "numeric" and not first.is_literal:
            # https://docs.aws.amazon.com/redshift/latest/dg/r_LN.html
            raise SqlNotSupported("function ln(numeric) does not exist: cast the argument to DOUBLE PRECISION")
        function.set("expressions", [_as_double(argument) for argument in arguments])
        return node
    if name == "ntile":
        return cast(node, types.INT8)
    if name == "avg" and first is not None and (first.is_integer or first.kind == "numeric") and found is not None:
        return _average(node, function, first, found)
    if name == "sum" and first is not None:
        if first.kind == "float4":
            function.set("expressions", [_as_double(argument) for argument in arguments])
        return cast(node, types.INT8) if first.kind == "int8" else _exact(node, found)
    if name in _KEEPS_TYPE and first is not None and (first.is_integer or first.kind == "float4"):
        # PostgreSQL would calculate with DOUBLE PRECISION, which cannot hold every BIGINT.
        exact = types.decimal(19, 0) if first.is_integer else types.FLOAT8
        function.set("expressions", [cast(arguments[0], exact), *arguments[1:]])
        return cast(node, first)
    return node if name in _KEEPS_DIGITS else _exact(node, found)


def _average(node: exp.Expr, function: exp.Anonymous, value: SqlType, found: SqlType) -> exp.Expr:
    """Return AVG as SUM divided by COUNT, which is exact."""
    total = _with_function(node, function, "sum")
    count = _with_function(node.copy(), function, "count")
    if found.kind == "numeric":
        return cast(_quotient(total, count, found.scale), found)
    if value.kind == "int8":  # PostgreSQL's SUM of BIGINT is numeric
        return cast(_postgres("pg_catalog.div", total, count), types.INT8)
    return set_type(exp.Paren(this=exp.Div(this=total, expression=count, typed=True)), types.INT8)


def _with_function(node: exp.Expr, function: exp.Anonymous, name: str) -> exp.Expr:
    changed = call(name, *(argument.copy() for argument in function.expressions))
    if isinstance(node, exp.Anonymous):
        return changed
    node.set("this", changed)
    return node


def _as_double(argument: exp.Expr) -> exp.Expr:
    if isinstance(argument, exp.Distinct):
        argument.set("expressions", [_as_double(inner) for inner in argument.expressions])
        return argument
    found = type_of(argument)
    return (
        cast(argument, types.FLOAT8) if found is not None and found.is_number and found.kind != "float8" else argument
    )


def _exact(node: exp.Expr, found: SqlType | None) -> exp.Expr:
    return cast(node, found) if found is not None and found.kind == "numeric" and found.is_exact else node


def _with_common_types(operation: exp.SetOperation) -> exp.Expr:
    """Put a query around a set operation whose sides have different types, with the common ones."""
    columns, sides = columns_of_query(operation), branches(operation)
    if columns is None or sides is None or isinstance(operation.parent, exp.SetOperation) or _is_recursive(operation):
        return operation
    exact = [
        found is not None and found.kind == "numeric" and found.is_exact and not _is_same(operation, at)
        for at, (_, found) in enumerate(columns)
    ]
    if not any(exact):
        return operation
    inner = [exp.to_identifier(f"_c{number}") for number in range(1, len(columns) + 1)]
    outer: list[exp.Expr] = []
    for (name, found), column, changes in zip(columns, map(exp.column, inner), exact, strict=True):
        value = cast(column, found) if changes and found is not None else column
        outer.append(exp.alias_(value, name, quoted=True, copy=False))
    alias = exp.TableAlias(this=exp.to_identifier("_united"), columns=inner)
    return exp.Select(expressions=outer, from_=exp.From(this=exp.Subquery(this=operation, alias=alias)))


def _is_same(operation: exp.Expr, at: int) -> bool:
    """Return whether a column has the same DECIMAL in all inputs of a chain of set operations."""
    while isinstance(operation, exp.SetOperation):
        sides = branches(operation)
        if sides is None:
            return False
        left, right = sides[0][at][1], sides[1][at][1]
        if left is None or right is None or left.kind != right.kind or left.scale != right.scale:
            return False
        if left.precision != right.precision or left.is_literal or right.is_literal:
            return False
        operation = operation.this
    return True


def _is_recursive(operation: exp.Expr) -> bool:
    common = operation.parent
    return (
        isinstance(common, exp.CTE)
        and isinstance(common.parent, exp.With)
        and bool(common.parent.args.get("recursive"))
    )


def cast(value: exp.Expr, to: SqlType) -> exp.Expr:
    """Return a cast of an expression to a type."""
    kinds = {
        "numeric": _Type.DECIMAL, "int2": _Type.SMALLINT, "int4": _Type.INT, "int8": _Type.BIGINT,
        "float4": _Type.FLOAT, "float8": _Type.DOUBLE,
    }  # fmt: skip
    sizes = [exp.DataTypeParam(this=_number(str(size))) for size in (to.precision, to.scale)]
    data_type = exp.DataType(this=kinds[to.kind], expressions=sizes if to.kind == "numeric" else [])
    return set_type(exp.Cast(this=value, to=data_type), to)


def is_own_call(node: exp.Expr) -> bool:
    """Return whether a call is PostgreSQL's own function, which is not translated again."""
    return bool(node.meta.get(_OWN_CALL))


def _number(text: str) -> exp.Expr:
    return exp.Literal.number(text)


def _postgres(name: str, *arguments: exp.Expr) -> exp.Expr:
    made = call(name, *arguments)
    made.meta[_OWN_CALL] = True
    return made
