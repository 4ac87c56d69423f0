"""The Redshift SQL functions that the local Redshift executes correctly: an allow-list by name.

Other names are refused, even if PostgreSQL has a function with that name. The value defines the call in PostgreSQL: the
same name, a different function, or rewritten arguments.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from local_aws.redshift.refusal import SqlNotSupported

Arguments = list[exp.Expr]
Rewriting = Callable[[Arguments], exp.Expr]

_DATE_PARTS = {
    alias: part
    for part, aliases in {
        "year": "year years yr yrs y",
        "quarter": "quarter quarters qtr qtrs",
        "month": "month months mon mons",
        "week": "week weeks w",
        "day": "day days d",
        "hour": "hour hours hr hrs h",
        "minute": "minute minutes min mins m",
        "second": "second seconds sec secs s",
        "millisecond": "millisecond milliseconds msec msecs ms",
        "microsecond": "microsecond microseconds usec usecs us",
        "dow": "dayofweek dow dw weekday",
        "doy": "dayofyear doy dy yearday",
        "epoch": "epoch",
    }.items()
    for alias in aliases.split()
}
_DIFFERENCE_PARTS = {"year", "quarter", "month", "day", "hour", "minute", "second", "millisecond", "microsecond"}

# Functions that Redshift and PostgreSQL define in the same way.
_SAME = """
    abs acos asin atan atan2 cbrt ceil ceiling cos cot degrees exp floor greatest least ln mod pi power radians
    random round sign sin sqrt tan ascii btrim char_length character_length chr initcap left length lower lpad
    ltrim octet_length quote_ident quote_literal repeat replace reverse right rpad rtrim split_part strpos
    substr translate upper regexp_count regexp_instr regexp_substr coalesce nullif to_char to_number
    current_database current_schema pg_backend_pid any_value bool_and bool_or count max min stddev stddev_pop
    stddev_samp sum var_pop var_samp variance row_number rank dense_rank percent_rank cume_dist ntile lag lead
    first_value last_value nth_value md5
""".split()  # noqa: SIM905 - one word per line would obscure the list
_COMPAT = """
    add_months convert_timezone date_trunc getdate is_valid_json json_extract_path_text last_day
    pg_last_copy_count pg_last_copy_id pg_last_query_id strtol trunc to_date
""".split()  # noqa: SIM905 - one word per line would obscure the list
AGGREGATES = frozenset(
    """
    any_value avg bool_and bool_or count listagg max min sum stddev stddev_pop stddev_samp var_pop var_samp variance
    """.split()  # noqa: SIM905
)
ONLY_WINDOW = frozenset(
    """
    row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value
    """.split()  # noqa: SIM905
)


def call(name: str, *arguments: exp.Expr) -> exp.Anonymous:
    """Return a call as it is written for PostgreSQL. Names with a dot are in the compat schema."""
    return exp.Anonymous(this=name, expressions=list(arguments))


def date_part(argument: exp.Expr, allowed: set[str] | None = None) -> str:
    """Return the date part in the first argument of DATEADD, DATEDIFF and others, written as a keyword or a string."""
    name = argument.name.lower()
    part = _DATE_PARTS.get(name)
    if (
        part is None
        or not isinstance(argument, exp.Column | exp.Literal | exp.Var)
        or (allowed and part not in allowed)
    ):
        raise SqlNotSupported(f'date part "{name or argument.sql()}" is not supported here')
    return part


def _arity(name: str, arguments: Arguments, *counts: int) -> None:
    if len(arguments) not in counts:
        raise SqlNotSupported(f"function {name} with {len(arguments)} arguments is not supported")


def _rename(target: str, *counts: int) -> Callable[[str], Rewriting]:
    def bind(name: str) -> Rewriting:
        def rewrite(arguments: Arguments) -> exp.Expr:
            if counts:
                _arity(name, arguments, *counts)
            return call(target, *arguments)

        return rewrite

    return bind


def _datediff(arguments: Arguments) -> exp.Expr:
    _arity("datediff", arguments, 3)
    part = date_part(arguments[0], _DIFFERENCE_PARTS)  # Redshift does not document where weeks begin, so not "week"
    return call("redshift.datediff", exp.Literal.string(part), *(_temporal(a) for a in arguments[1:]))


def _dateadd(arguments: Arguments) -> exp.Expr:
    _arity("dateadd", arguments, 3)
    part = date_part(arguments[0], _DIFFERENCE_PARTS | {"week"})
    return call("redshift.dateadd", exp.Literal.string(part), arguments[1], _temporal(arguments[2]))


def _temporal(argument: exp.Expr) -> exp.Expr:
    """Cast a bare literal to a timestamp, as Redshift does. PostgreSQL could not choose an overload."""
    if isinstance(argument, exp.Literal | exp.Placeholder):
        return exp.Cast(this=argument, to=exp.DataType.build("timestamp"))
    return argument


def _date_trunc(arguments: Arguments) -> exp.Expr:
    _arity("date_trunc", arguments, 2)
    part = date_part(arguments[0], _DIFFERENCE_PARTS | {"week"})
    return call("redshift.date_trunc", exp.Literal.string(part), _temporal(arguments[1]))


def _date_part(arguments: Arguments) -> exp.Expr:
    _arity("date_part", arguments, 2)
    return call("date_part", exp.Literal.string(date_part(arguments[0])), _temporal(arguments[1]))


def _charindex(arguments: Arguments) -> exp.Expr:
    _arity("charindex", arguments, 2)
    return call("strpos", arguments[1], arguments[0])


def _concat(arguments: Arguments) -> exp.Expr:
    _arity("concat", arguments, 2)  # unlike PostgreSQL's, NULL if one of them is
    return exp.Paren(this=exp.DPipe(this=arguments[0], expression=arguments[1], safe=True))


def _decode(arguments: Arguments) -> exp.Expr:
    if len(arguments) < 3:
        raise SqlNotSupported("function decode needs an expression, a value and a result")
    subject, *rest = arguments
    default = rest.pop() if len(rest) % 2 else None
    pairs = zip(rest[::2], rest[1::2], strict=True)
    branches = [
        exp.If(this=exp.NullSafeEQ(this=subject.copy(), expression=value), true=result) for value, result in pairs
    ]  # in DECODE, NULL equals NULL
    return exp.Case(ifs=branches, default=default)


def _nvl2(arguments: Arguments) -> exp.Expr:
    _arity("nvl2", arguments, 3)
    known = exp.Not(this=exp.Is(this=arguments[0], expression=exp.Null()))
    return exp.Case(ifs=[exp.If(this=known, true=arguments[1])], default=arguments[2])


def _log(arguments: Arguments) -> exp.Expr:
    _arity("log", arguments, 1)
    return call("log", exp.Cast(this=arguments[0], to=exp.DataType.build("double")))


def _sha2(arguments: Arguments) -> exp.Expr:
    _arity("sha2", arguments, 2)
    if arguments[1].name not in {"0", "224", "256", "384", "512"}:
        raise SqlNotSupported("function sha2 needs 0, 224, 256, 384 or 512 as its second argument")
    bits = "256" if arguments[1].name == "0" else arguments[1].name
    return call("redshift.sha2", arguments[0], exp.Literal.number(bits))


def _regexp_replace(arguments: Arguments) -> exp.Expr:
    _arity("regexp_replace", arguments, 2, 3)  # Redshift replaces every match, PostgreSQL the first
    return call(
        "regexp_replace", *arguments, *([exp.Literal.string("")] * (3 - len(arguments))), exp.Literal.string("g")
    )


def _to_timestamp(arguments: Arguments) -> exp.Expr:
    _arity("to_timestamp", arguments, 2)
    return call("to_timestamp", *arguments)


def _cast_to_date(arguments: Arguments) -> exp.Expr:
    _arity("date", arguments, 1)
    return exp.Cast(this=arguments[0], to=exp.DataType.build("date"))


def _extreme(name: str) -> Rewriting:
    return lambda arguments: call(name, *arguments)


_REWRITTEN: dict[str, Rewriting] = {
    **{name: _extreme(name) for name in _SAME},
    **{name: _rename(f"redshift.{name}")(name) for name in _COMPAT},
    "avg": _rename("redshift.avg", 1)("avg"),
    "charindex": _charindex,
    "concat": _concat,
    "date": _cast_to_date,
    "date_add": _dateadd,
    "date_diff": _datediff,
    "date_part": _date_part,
    "date_trunc": _date_trunc,
    "dateadd": _dateadd,
    "datediff": _datediff,
    "decode": _decode,
    "dlog10": _log,
    "isnull": _rename("coalesce", 2)("isnull"),
    "len": _rename("length", 1)("len"),
    "log": _log,
    "nvl": _rename("coalesce")("nvl"),
    "nvl2": _nvl2,
    "pgdate_part": _date_part,
    "pow": _rename("power", 2)("pow"),
    "regexp_replace": _regexp_replace,
    "replicate": _rename("repeat", 2)("replicate"),
    "sha2": _sha2,
    "textlen": _rename("length", 1)("textlen"),
    "to_timestamp": _to_timestamp,
}

# Functions that a procedure's body may call. Their names resolve through the search path, with unchanged arguments.
CALLABLE_IN_PROCEDURES = frozenset(_SAME) | frozenset(_COMPAT) | {"to_timestamp", "avg"}


def rewrite(name: str, arguments: Arguments) -> exp.Expr:
    """Return a call of a Redshift function as a PostgreSQL expression.

    Args:
        name: The function's name, in any case.
        arguments: Its arguments, already rewritten.

    Raises:
        SqlNotSupported: The function is not on the list, or does not support these arguments.
    """
    found = _REWRITTEN.get(name.lower())
    if found is None:
        raise SqlNotSupported(f"function {name.lower()}() is not supported by the local Redshift")
    return found(arguments)
