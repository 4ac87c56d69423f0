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
        "decade": "decade decades dec decs",
        "century": "century centuries c cent cents",
        "millennium": "millennium millennia mil mils",
    }.items()
    for alias in aliases.split()
}
_DIFFERENCE_PARTS = {"year", "quarter", "month", "day", "hour", "minute", "second", "millisecond", "microsecond"}

# Functions that Redshift and PostgreSQL define in the same way.
_SAME = """
    abs acos asin atan atan2 cbrt ceil ceiling cos cot degrees exp floor greatest least ln mod pi power radians
    random round sign sin sqrt tan ascii btrim char_length character_length chr initcap left length lower lpad
    ltrim octet_length quote_ident quote_literal repeat replace reverse right rpad rtrim strpos
    substr translate upper regexp_count regexp_instr regexp_substr coalesce nullif to_char to_number
    current_database current_schema pg_backend_pid any_value bool_and bool_or count max min stddev stddev_pop
    stddev_samp sum var_pop var_samp variance bit_and bit_or grouping to_hex
    row_number rank dense_rank percent_rank cume_dist ntile lag lead
    first_value last_value nth_value md5
""".split()  # noqa: SIM905 - one word per line would obscure the list
_COMPAT = """
    add_months bpcharcmp convert_timezone crc32 date_cmp date_cmp_timestamp date_part_year date_trunc getdate
    interval_cmp is_valid_json is_valid_json_array json_extract_path_text last_day months_between next_day octetindex
    pg_last_copy_count pg_last_copy_id pg_last_query_id strtol timestamp_cmp timestamp_cmp_date to_date trunc
""".split()  # noqa: SIM905 - one word per line would obscure the list
_OF_TEXT = ("btrim", "ltrim", "repeat", "reverse", "rtrim", "strpos", "substr")
AGGREGATES = frozenset(
    """
    any_value avg bit_and bit_or bool_and bool_or count listagg max min sum stddev stddev_pop stddev_samp var_pop
    var_samp variance
    """.split()  # noqa: SIM905
)
ONLY_WINDOW = frozenset(
    """
    row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value percentile_disc
    ratio_to_report
    """.split()  # noqa: SIM905
)
SORTED_AGGREGATES = frozenset({"median", "percentile_cont"})


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
    part = date_part(arguments[0], _DIFFERENCE_PARTS | {"week"})
    if part == "week":
        return call("redshift.weeks_between", *(_temporal(a) for a in arguments[1:]))
    return call("redshift.date_diff", exp.Literal.string(part), *(_temporal(a) for a in arguments[1:]))


def _dateadd(arguments: Arguments) -> exp.Expr:
    _arity("dateadd", arguments, 3)
    part = date_part(arguments[0], _DIFFERENCE_PARTS | {"week"})
    return call("redshift.date_add", exp.Literal.string(part), arguments[1], _temporal(arguments[2]))


def _temporal(argument: exp.Expr) -> exp.Expr:
    """Cast a bare literal to a timestamp, as Redshift does. PostgreSQL could not choose an overload."""
    if isinstance(argument, exp.Literal | exp.Placeholder):
        return exp.Cast(this=argument, to=exp.DataType.build("timestamp"))
    return argument


def as_text(argument: exp.Expr) -> exp.Expr:
    """Return a value as text: SUBSTRING and others treat numbers and timestamps like a string.

    Source: https://docs.aws.amazon.com/redshift/latest/dg/r_SUBSTRING.html.
    """
    if isinstance(argument, exp.Literal | exp.Null | exp.Placeholder):
        return argument
    return call("redshift.as_text", argument)


def _of_text(name: str) -> Rewriting:
    return lambda arguments: call(name, *([as_text(arguments[0])] if arguments else []), *arguments[1:])


def _date_trunc(arguments: Arguments) -> exp.Expr:
    _arity("date_trunc", arguments, 2)
    part = date_part(arguments[0], _DIFFERENCE_PARTS | {"week", "millennium"})
    return call("redshift.date_trunc", exp.Literal.string(part), _temporal(arguments[1]))


def _date_part(arguments: Arguments) -> exp.Expr:
    _arity("date_part", arguments, 2)
    return call("redshift.pgdate_part", exp.Literal.string(date_part(arguments[0])), _temporal(arguments[1]))


def extract(part: exp.Expr, source: exp.Expr) -> exp.Expr:
    """Return EXTRACT as a call."""
    return call("redshift.date_part", exp.Literal.string(date_part(part)), _temporal(source))


def _charindex(arguments: Arguments) -> exp.Expr:
    _arity("charindex", arguments, 2)
    return call("strpos", as_text(arguments[1]), arguments[0])


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
    if not isinstance(arguments[1], exp.Literal) or arguments[1].is_string:
        raise SqlNotSupported("function sha2 needs a number as its second argument")
    bits = "256" if arguments[1].name == "0" else arguments[1].name
    return call("redshift.sha2", arguments[0], exp.Literal.number(bits))


def _regexp_parameters(name: str, argument: exp.Expr) -> tuple[str, bool]:
    """Return PostgreSQL's flags for the last argument of a REGEXP function, and whether it extracts."""
    if not isinstance(argument, exp.Literal) or not argument.is_string or set(argument.name) - set("ciep"):
        raise SqlNotSupported(f"function {name} takes a text of the letters c, i, e and p as its parameters")
    return argument.name.replace("e", ""), "e" in argument.name


def _regexp_count(arguments: Arguments) -> exp.Expr:
    _arity("regexp_count", arguments, 2, 3, 4)
    if len(arguments) == 4:
        flags, _ = _regexp_parameters("regexp_count", arguments[3])
        arguments = [*arguments[:3], exp.Literal.string(flags)]
    return call("regexp_count", *arguments)


def _regexp_with_subexpression(name: str, parameters_at: int) -> Rewriting:
    def rewrite(arguments: Arguments) -> exp.Expr:
        _arity(name, arguments, *range(2, parameters_at + 2))
        if len(arguments) <= parameters_at:
            return call(name, *arguments)
        flags, extracts = _regexp_parameters(name, arguments[parameters_at])
        subexpression = [exp.Literal.number(1)] if extracts else []
        return call(name, *arguments[:parameters_at], exp.Literal.string(flags), *subexpression)

    return rewrite


def _regexp_replace(arguments: Arguments) -> exp.Expr:
    _arity("regexp_replace", arguments, 2, 3, 4, 5)  # Redshift replaces every match, PostgreSQL the first
    source, pattern, *rest = arguments
    replacement = rest[0] if rest else exp.Literal.string("")
    if len(rest) < 2:
        return call("regexp_replace", source, pattern, replacement, exp.Literal.string("g"))
    flags, _ = _regexp_parameters("regexp_replace", rest[2]) if len(rest) == 3 else ("", False)
    every = exp.Literal.number(0)
    return call("regexp_replace", source, pattern, replacement, rest[1], every, exp.Literal.string(flags))


def _json(name: str, *counts: int) -> Rewriting:
    """Return the rewriting of a JSON function whose last argument may be null_if_invalid."""

    def rewrite(arguments: Arguments) -> exp.Expr:
        *kept, last = arguments
        if isinstance(last, exp.Boolean):
            arguments = [call("redshift.valid_json", kept[0]), *kept[1:]] if last.this and kept else kept
        if counts:
            _arity(name, arguments, *counts)
        return call(f"redshift.{name}", *arguments)

    return rewrite


def _cast_to_date(arguments: Arguments) -> exp.Expr:
    _arity("date", arguments, 1)
    return exp.Cast(this=arguments[0], to=exp.DataType.build("date"))


def _extreme(name: str) -> Rewriting:
    return lambda arguments: call(name, *arguments)


_REWRITTEN: dict[str, Rewriting] = {
    **{name: _extreme(name) for name in _SAME},
    **{name: _rename(f"redshift.{name}")(name) for name in _COMPAT},
    **{name: _of_text(name) for name in _OF_TEXT},
    "avg": _rename("redshift.avg", 1)("avg"),
    "bttext_pattern_cmp": _rename("redshift.bpcharcmp", 2)("bttext_pattern_cmp"),
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
    "dexp": _rename("exp", 1)("dexp"),
    "dlog1": _rename("ln", 1)("dlog1"),
    "dlog10": _log,
    "grouping_id": _rename("grouping")("grouping_id"),
    "isnull": _rename("coalesce", 2)("isnull"),
    "json_array_length": _json("json_array_length", 1),
    "json_extract_array_element_text": _json("json_extract_array_element_text", 2),
    "json_extract_path_text": _json("json_extract_path_text"),
    "len": _rename("length", 1)("len"),
    "log": _log,
    "nvl": _rename("coalesce")("nvl"),
    "nvl2": _nvl2,
    "pgdate_part": _date_part,
    "pow": _rename("power", 2)("pow"),
    "regexp_count": _regexp_count,
    "regexp_instr": _regexp_with_subexpression("regexp_instr", 5),
    "ratio_to_report": _extreme("ratio_to_report"),
    "regexp_replace": _regexp_replace,
    "regexp_substr": _regexp_with_subexpression("regexp_substr", 4),
    "replicate": _of_text("repeat"),
    "sha2": _sha2,
    "split_part": _of_text("redshift.split_part"),
    "textlen": _rename("length", 1)("textlen"),
    "to_date": _rename("redshift.to_date", 2, 3)("to_date"),
    "to_timestamp": _rename("redshift.to_timestamp", 2, 3)("to_timestamp"),
}

# Functions that a procedure's body may call. Their names resolve through the search path, with unchanged arguments.
CALLABLE_IN_PROCEDURES = frozenset(_SAME) | frozenset(_COMPAT) | {"to_timestamp", "avg", "sha2"}


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
