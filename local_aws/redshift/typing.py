"""Gives every expression of a statement its Redshift type, children before parents, with the catalog's column types.

The type is kept in the node's ``meta``, because the generator reads ``node.type``. None means that the type is unknown.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence

from sqlglot import exp

from local_aws.redshift import types
from local_aws.redshift.dialect import text_length
from local_aws.redshift.refusal import SqlNotSupported
from local_aws.redshift.types import SqlType

ColumnsOf = Callable[[str | None, str], Mapping[str, SqlType | None] | None]
"""Takes a schema and the name of a table or view and returns its columns' types, or None if it is unknown."""
Columns = Sequence[tuple[str, SqlType | None]]

_TYPE = "redshift_type"
_COLUMNS = "redshift_columns"
_BRANCHES = "redshift_branches"
_Type = exp.DataType.Type
_PLAIN: dict[exp.DType, SqlType] = {
    _Type.SMALLINT: types.INT2,
    _Type.INT: types.INT4,
    _Type.BIGINT: types.INT8,
    _Type.FLOAT: types.FLOAT4,
    _Type.DOUBLE: types.FLOAT8,
    _Type.BOOLEAN: types.BOOL,
    _Type.DATE: types.DATE,
    _Type.TIME: types.TIME,
    _Type.TIMESTAMP: types.TIMESTAMP,
    _Type.TIMESTAMPTZ: types.TIMESTAMPTZ,
    _Type.INTERVAL: types.INTERVAL,
}
_OPERATORS: dict[type[exp.Expr], types.Operator] = {
    exp.Add: "+",
    exp.Sub: "-",
    exp.Mul: "*",
    exp.Div: "/",
    exp.Mod: "%",
}
_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.In, exp.Between, exp.NullSafeEQ)


def type_of(node: exp.Expr | None) -> SqlType | None:
    """Return the type that ``add_types`` gave to an expression."""
    return None if node is None else node.meta.get(_TYPE)


def set_type(node: exp.Expr, found: SqlType | None) -> exp.Expr:
    """Give an expression its type, and return it."""
    node.meta[_TYPE] = found
    return node


def columns_of_query(query: exp.Expr) -> Columns | None:
    """Return the names and types of the result columns of a query, or None if they are unknown."""
    return query.meta.get(_COLUMNS)


def branches(operation: exp.Expr) -> list[Columns] | None:
    """Return the result columns of both sides of a set operation, or None if they are unknown."""
    return operation.meta.get(_BRANCHES)


def written_type(data_type: exp.DataType) -> SqlType | None:
    """Return a type as it is written in a statement."""
    text = text_length(data_type)
    if text is not None:
        return types.varchar(text[1]) if text[0] == "varchar" else SqlType("bpchar", length=text[1])
    if data_type.this == _Type.DECIMAL:
        sizes = [int(part.name) for part in data_type.expressions]
        return types.decimal(sizes[0] if sizes else 18, sizes[1] if len(sizes) > 1 else 0)
    return _PLAIN.get(data_type.this)


def add_types(tree: exp.Expr, columns_of: ColumnsOf) -> None:
    """Give every expression of a statement its type.

    Raises:
        SqlNotSupported: An operation does not exist in Redshift or in the local Redshift.
    """
    _Typing(columns_of).statement(tree)


@dataclasses.dataclass
class _Scope:
    """The names that an expression can use: the sources of its query block, and those of the blocks around it."""

    sources: list[tuple[str, Mapping[str, SqlType | None] | None]]
    parent: _Scope | None
    common: dict[str, Columns | None]
    aliases: dict[str, SqlType | None] = dataclasses.field(default_factory=dict)

    def find(self, table: str, column: str) -> SqlType | None:
        scope: _Scope | None = self
        while scope is not None:
            for name, columns in scope.sources:
                if table and name != table:
                    continue
                if columns is None:
                    return None  # it may be a column of this source
                if column in columns:
                    return columns[column]
            if not table and column in scope.aliases:
                return scope.aliases[column]
            scope = scope.parent
        return None


class _Typing:
    def __init__(self, columns_of: ColumnsOf) -> None:
        self._columns_of = columns_of

    def statement(self, tree: exp.Expr) -> None:
        scope = _Scope([], None, {})
        if isinstance(tree, exp.Query):
            self._query(tree, scope)
            return
        if tree.args.get("with_") is not None:
            self._common(tree.args["with_"], scope)
        if isinstance(tree, exp.Update | exp.Delete | exp.Merge):
            self._sources(tree, scope)
        for key, value in tree.args.items():
            if key not in {"with_", "from_", "using"}:
                for part in value if isinstance(value, list) else [value]:
                    if isinstance(part, exp.Expr):
                        self._expressions(part, scope)

    def _query(self, query: exp.Expr, outer: _Scope) -> Columns | None:
        scope = _Scope([], outer, dict(outer.common))
        with_ = query.args.get("with_")
        if with_ is not None:
            self._common(with_, scope)
        columns: Columns | None
        if isinstance(query, exp.Subquery):
            columns = self._query(query.this, scope) if isinstance(query.this, exp.Query) else None
        elif isinstance(query, exp.SetOperation):
            columns = self._set_operation(query, scope)
        elif isinstance(query, exp.Select):
            columns = self._select(query, scope)
        else:  # VALUES and a table in parentheses
            self._expressions(query, scope)
            columns = None
        query.meta[_COLUMNS] = columns
        set_type(query, columns[0][1] if columns else None)
        return columns

    def _common(self, with_: exp.Expr, scope: _Scope) -> None:
        for common in with_.expressions:
            name = common.alias.lower()
            if with_.args.get("recursive"):
                first = common.this.this if isinstance(common.this, exp.SetOperation) else common.this
                scope.common[name] = _renamed(self._query(first, scope), common)
            scope.common[name] = _renamed(self._query(common.this, scope), common)

    def _set_operation(self, operation: exp.SetOperation, scope: _Scope) -> Columns | None:
        # A chain of UNIONs is as deep as it is long.
        chain: list[exp.Expr] = [operation]
        while isinstance(chain[-1], exp.SetOperation) and not (len(chain) > 1 and chain[-1].args.get("with_")):
            chain.append(chain[-1].this)
        found = self._query(chain.pop(), scope)
        for part in reversed(chain):
            other = self._query(part.expression, scope)
            sides = [found, other] if found is not None and other is not None else None
            if found is None or other is None or len(found) != len(other):
                sides, found = None, None
            else:
                found = [
                    (name, types.common_type([left, right]))
                    for (name, left), (_, right) in zip(found, other, strict=True)
                ]
            part.meta[_BRANCHES], part.meta[_COLUMNS] = sides, found
        names = dict(found or ())
        order_scope = _Scope([], scope, scope.common, names)
        for key in ("order", "limit", "offset"):
            clause = operation.args.get(key)
            if clause is not None:
                self._expressions(clause, order_scope)
        return found

    def _select(self, select: exp.Select, scope: _Scope) -> Columns | None:
        self._sources(select, scope)
        columns: list[tuple[str, SqlType | None]] | None = []
        for item in select.expressions:
            self._expressions(item, scope)
            if item.is_star:
                star = _star(item, select, scope)
                columns = None if star is None or columns is None else [*columns, *star]
                continue
            if columns is not None:
                columns.append((item.alias_or_name.lower(), type_of(item)))
            if isinstance(item, exp.Alias):
                scope.aliases.setdefault(item.alias.lower(), type_of(item))
        for key, value in select.args.items():
            if key in {"expressions", "from_", "with_"}:
                continue
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, exp.Join):
                    if part.args.get("on") is not None:
                        self._expressions(part.args["on"], scope)
                elif isinstance(part, exp.Expr):
                    self._expressions(part, scope)
        return columns

    def _sources(self, block: exp.Expr, scope: _Scope) -> None:
        sources: list[exp.Expr] = []
        if isinstance(block, exp.Update | exp.Delete | exp.Merge):
            sources.append(block.this)
            using = block.args.get("using")
            sources += using if isinstance(using, list) else [using] if using else []
        clause = block.args.get("from_")
        if clause is not None:
            sources.append(clause.this)
        sources += [join.this for join in block.args.get("joins") or []]
        for source in list(sources):
            sources += [join.this for join in source.args.get("joins") or []]
        for source in sources:
            # An alias in FROM is invisible to the other sources, so a subquery there sees only what is around.
            columns = self._source(source, scope)
            named = None if columns is None else dict(columns)
            scope.sources.append((source.alias_or_name.lower(), named))
        for source in sources:
            for join in source.args.get("joins") or []:
                if join.args.get("on") is not None:
                    self._expressions(join.args["on"], scope)

    def _source(self, source: exp.Expr, scope: _Scope) -> Columns | None:
        if isinstance(source, exp.Subquery | exp.Values):
            around = _Scope([], scope.parent, scope.common)
            return _renamed(self._query(source, around), source)
        if not isinstance(source, exp.Table):
            return None
        name = source.name.lower()
        if not source.db and name in scope.common:
            return _renamed(scope.common[name], source)
        found = self._columns_of(source.db.lower() or None, name)
        return None if found is None else _renamed(list(found.items()), source)

    def _expressions(self, root: exp.Expr, scope: _Scope) -> None:
        """Type an expression, or all expressions below a node. Queries in it are typed with this scope around them."""
        nodes = list(root.walk(prune=lambda node: isinstance(node, exp.Query)))
        for node in reversed(nodes):
            if isinstance(node, exp.Query):
                self._query(node, scope)
            elif isinstance(node, exp.Column):
                set_type(node, scope.find(node.table.lower(), node.name.lower()))
            elif not isinstance(node, exp.Identifier | exp.DataType | exp.Table | exp.With | exp.CTE):
                set_type(node, _expression(node))


def _renamed(columns: Columns | None, source: exp.Expr) -> Columns | None:
    alias = source.args.get("alias")
    names = [column.name.lower() for column in alias.columns] if isinstance(alias, exp.TableAlias) else []
    if columns is None:
        return [(name, None) for name in names] or None
    return [(names[at] if at < len(names) else name, found) for at, (name, found) in enumerate(columns)]


def _star(item: exp.Expr, select: exp.Select, scope: _Scope) -> Columns | None:
    table = item.table.lower() if isinstance(item, exp.Column) else ""
    joined = {column.name.lower() for join in select.args.get("joins") or [] for column in join.args.get("using") or []}
    if not table and any(join.args.get("method") == "NATURAL" for join in select.args.get("joins") or []):
        return None
    columns: list[tuple[str, SqlType | None]] = []
    for name, found in scope.sources:
        if table and name != table:
            continue
        if found is None:
            return None
        columns += found.items()
    if joined and not table:
        first = [
            (name, found)
            for at, (name, found) in enumerate(columns)
            if name in joined and name not in dict(columns[:at])
        ]
        columns = [*first, *((name, found) for name, found in columns if name not in joined)]
    return columns


def _expression(node: exp.Expr) -> SqlType | None:
    operator = _OPERATORS.get(type(node))
    if operator is not None:
        a, b = type_of(node.this), type_of(node.expression)
        if operator == "+" and a and b and a.is_text and b.is_text:
            return _joined(node)
        return types.arithmetic(operator, a, b)
    if isinstance(node, exp.Literal):
        size = len(node.name.encode())
        return types.varchar(size, is_literal=True) if node.is_string else types.number_literal(node.name)
    if isinstance(node, exp.Cast):
        return written_type(node.to)
    if isinstance(node, exp.Predicate | exp.Connector | exp.Not | exp.Boolean | exp.Is | exp.Like | exp.SimilarTo):
        if isinstance(node, _COMPARISONS):
            _check_comparison(node)
        return types.BOOL
    if isinstance(node, exp.Paren | exp.Alias | exp.Neg | exp.Distinct | exp.Ordered):
        inner = node.expressions[0] if isinstance(node, exp.Distinct) and node.expressions else node.this
        found = type_of(inner)
        if isinstance(node, exp.Neg) and found and found.is_text:
            raise SqlNotSupported("a minus before a text needs a cast")
        return found
    if isinstance(node, exp.Null):
        return types.NULL
    if isinstance(node, exp.Case):
        return types.common_type([*(type_of(branch.args["true"]) for branch in node.args["ifs"]), _default_of(node)])
    if isinstance(node, exp.DPipe):
        return _joined(node)
    if isinstance(node, exp.WithinGroup) and node.this.name.lower() in _OF_SORTED:
        return _OF_SORTED[node.this.name.lower()]([type_of(node.expression.expressions[0])])
    if isinstance(node, exp.Window | exp.WithinGroup | exp.IgnoreNulls | exp.RespectNulls | exp.AtTimeZone):
        return _AT_TIME_ZONE.get(_kind(node.this)) if isinstance(node, exp.AtTimeZone) else type_of(node.this)
    if isinstance(node, exp.Anonymous):
        rule = _FUNCTIONS.get(node.name.lower())
        return rule([type_of(argument) for argument in node.expressions]) if rule else None
    if isinstance(node, exp.Extract):
        return types.FLOAT8 if _kind(node.expression) == "timestamptz" else types.INT4
    return _BY_NODE.get(type(node))


_AT_TIME_ZONE = {"timestamp": types.TIMESTAMPTZ, "timestamptz": types.TIMESTAMP}
_BY_NODE: dict[type[exp.Expr], SqlType] = {
    exp.CurrentDate: types.DATE,
    exp.CurrentTimestamp: types.TIMESTAMP,
    exp.Interval: types.INTERVAL,
    exp.Trim: types.varchar(0),
    exp.Substring: types.varchar(0),
    exp.StrPosition: types.INT4,
    exp.Pow: types.FLOAT8,
    exp.CurrentUser: types.varchar(128),
}


def _kind(node: exp.Expr | None) -> str:
    found = type_of(node)
    return "" if found is None else found.kind


def _default_of(case: exp.Case) -> SqlType | None:
    default = case.args.get("default")
    return types.NULL if default is None else type_of(default)


def _joined(node: exp.Expr) -> SqlType:
    """Return the type of ``a || b``."""
    sides = [type_of(node.this), type_of(node.expression)]
    known = all(side is not None and side.is_text and side.length for side in sides)
    return types.varchar(sum(side.length for side in sides if side) if known else 0)


def _check_comparison(node: exp.Expr) -> None:
    """Refuse to compare with, or to SET, a literal that ends in a blank, because Redshift ignores trailing blanks.

    Source: https://docs.aws.amazon.com/redshift/latest/dg/r_Character_types.html#r_Character_types-varchar-or-character-varying
    """
    compared = [node.this, node.args.get("expression"), node.args.get("low"), node.args.get("high"), *node.expressions]
    texts = [part for part in compared if isinstance(part, exp.Literal) and part.is_string and part.name.endswith(" ")]
    if texts and not any(_kind(part) == "bpchar" for part in compared):
        raise SqlNotSupported(
            f"'{texts[0].name}' ends in a blank, which is not supported here by the local Redshift: Redshift ignores"
            " trailing blanks in comparisons"
        )


_Rule = Callable[[Sequence[SqlType | None]], SqlType | None]


def _first(given: Sequence[SqlType | None]) -> SqlType | None:
    found = given[0] if given else None
    return None if found is None else dataclasses.replace(found, is_literal=False)


def _digits_kept(given: Sequence[SqlType | None]) -> SqlType | None:
    """Return the type of ROUND and others: the argument's type, but AWS does not document a DECIMAL's size.

    Sources: https://docs.aws.amazon.com/redshift/latest/dg/r_FLOOR.html, r_CEILING_FLOOR.html, r_ROUND.html and
    r_TRUNC.html
    """
    found = _first(given)
    return None if found is None else dataclasses.replace(found, is_exact=False)


def _trunc(given: Sequence[SqlType | None]) -> SqlType | None:
    found = _digits_kept(given)
    return types.DATE if found is not None and found.kind in {"timestamp", "date"} else found


def _modulo(given: Sequence[SqlType | None]) -> SqlType | None:
    return types.arithmetic("%", given[0], given[1]) if len(given) == 2 else None


def _sign(given: Sequence[SqlType | None]) -> SqlType | None:
    """Source: https://docs.aws.amazon.com/redshift/latest/dg/r_SIGN.html."""
    found = _first(given)
    return types.decimal(1, 0) if found is not None and found.kind == "numeric" else found


def _percentile(name: str) -> _Rule:
    """Return the rule of MEDIAN and PERCENTILE_CONT: DECIMAL of integers and DECIMALs, DOUBLE PRECISION of the others.

    Source: https://docs.aws.amazon.com/redshift/latest/dg/r_MEDIAN.html, which names no precision and scale.
    """

    def rule(given: Sequence[SqlType | None]) -> SqlType | None:
        found = _first(given)
        if found is None or found.kind == "date":
            return None
        if found.is_float:
            return types.FLOAT8
        return types.unsized_decimal(name) if found.is_number else found

    return rule


def _date_added(given: Sequence[SqlType | None]) -> SqlType | None:
    moment = given[-1] if given else None
    return moment if moment is not None and moment.kind in {"timestamptz", "time"} else types.TIMESTAMP


def _decoded(given: Sequence[SqlType | None]) -> SqlType | None:
    rest = list(given[1:])
    default = [rest.pop()] if len(rest) % 2 else [types.NULL]
    return types.common_type([*rest[1::2], *default])


def _text(given: Sequence[SqlType | None]) -> SqlType | None:
    found = given[0] if given else None
    return types.varchar(found.length if found is not None and found.is_text else 0)


def _always(found: SqlType) -> _Rule:
    return lambda _given: found


def _functions() -> Iterator[tuple[str, _Rule]]:
    for names, rule in (
        ("abs min max lag lead first_value last_value nth_value any_value nullif bit_and bit_or", _first),
        ("round ceil ceiling floor", _digits_kept),
        ("median", _percentile("MEDIAN")),
        ("to_number", _always(types.unsized_decimal("TO_NUMBER"))),
        ("trunc", _trunc),
        ("mod", _modulo),
        ("sign", _sign),
        ("coalesce nvl isnull greatest least", lambda given: types.common_type(list(given))),
        ("nvl2", lambda given: types.common_type(list(given[1:]))),
        ("decode", _decoded),
        ("sum avg", lambda given: types.sum_type(given[0]) if given else None),
        ("dateadd date_add date_trunc", _date_added),
        ("lower upper", _text),
        (
            "len length char_length character_length textlen octet_length ascii charindex strpos regexp_count"
            " regexp_instr date_part_year date_cmp timestamp_cmp date_cmp_timestamp timestamp_cmp_date interval_cmp"
            " bpcharcmp octetindex json_array_length pg_backend_pid grouping grouping_id",
            _always(types.INT4),
        ),
        (
            "count row_number rank dense_rank ntile datediff date_diff strtol pg_last_copy_count pg_last_copy_id"
            " pg_last_query_id",
            _always(types.INT8),
        ),
        (
            "sqrt exp dexp power pow ln dlog1 log dlog10 sin cos tan cot asin acos atan atan2 cbrt degrees radians pi"
            " random stddev stddev_pop stddev_samp var_pop var_samp variance date_part pgdate_part percent_rank"
            " cume_dist ratio_to_report months_between",
            _always(types.FLOAT8),
        ),
        ("last_day to_date next_day date", _always(types.DATE)),
        ("getdate sysdate add_months convert_timezone", _always(types.TIMESTAMP)),
        ("to_timestamp", _always(types.TIMESTAMPTZ)),
        ("bool_and bool_or is_valid_json is_valid_json_array", _always(types.BOOL)),
        (
            "btrim ltrim rtrim trim left right substr lpad rpad repeat replicate replace reverse translate initcap"
            " regexp_replace regexp_substr split_part quote_ident quote_literal to_char listagg md5 sha1 sha2 chr"
            " json_extract_path_text json_extract_array_element_text to_hex crc32",
            _always(types.varchar(0)),
        ),
    ):
        for name in names.split():
            yield name, rule


_FUNCTIONS: dict[str, _Rule] = dict(_functions())
_OF_SORTED: dict[str, _Rule] = {"percentile_cont": _percentile("PERCENTILE_CONT"), "percentile_disc": _first}
