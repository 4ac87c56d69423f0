"""Translates one Redshift statement to one PostgreSQL statement, in the syntax tree.

Allow-lists decide: kinds of statements, kinds of tree nodes, functions (``functions.py``), types (``dialect.py``) and
system tables. Anything else is refused, so a feature that only PostgreSQL has cannot slip through.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from local_aws.redshift import functions, window_functions
from local_aws.redshift.copy_statement import CopyStatement, parse_copy
from local_aws.redshift.correlated_subqueries import check_correlated_subqueries
from local_aws.redshift.dialect import PhysicalDesign, PostgresWriter, RedshiftReader, check_type, text_length
from local_aws.redshift.lateral_aliases import expand_lateral_aliases
from local_aws.redshift.maintenance import parse_analyze, parse_vacuum
from local_aws.redshift.procedure import create_procedure, drop_procedure
from local_aws.redshift.qualify import without_qualify
from local_aws.redshift.query_rules import called, check_query_rules
from local_aws.redshift.refusal import SqlNotSupported
from local_aws.redshift.reserved_words import RESERVED_WORDS
from local_aws.redshift.result_names import name_columns
from local_aws.redshift.rewriting import insert_casts, is_own_call
from local_aws.redshift.sort_key import sort_key_of, sorted_by
from local_aws.redshift.statement_text import Words, quoted, split_statements
from local_aws.redshift.syntax_errors import syntax_error
from local_aws.redshift.typing import ColumnsOf, add_types

__all__ = ["MAX_STATEMENT_BYTES", "Statement", "SqlNotSupported", "WriteTarget", "translate"]

_Read = TypeVar("_Read")

MAX_STATEMENT_BYTES = 100_000
"""Maximum size of a statement, 100 KB:
https://docs.aws.amazon.com/redshift/latest/mgmt/data-api.html#data-api-calling-considerations"""

OWN_SCHEMAS = frozenset({"redshift", "redshift_records"})
"""The schemas of the emulator itself. They do not exist for Redshift's users."""

# sqlglot logs warnings about text that it cannot parse. Here they are raised as errors.
logging.getLogger("sqlglot").setLevel(logging.ERROR)

_SYSTEM_TABLES = {
    "sys_load_history",
    "sys_load_error_detail",
    "sys_query_history",
    "svv_columns",
    "svv_mv_info",
    "svv_roles",
    "svv_tables",
}
_SYSTEM_PREFIXES = ("stl_", "stv_", "svl_", "svcs_", "svv_", "sys_", "pg_")
_SYSTEM_SCHEMAS = {"information_schema": {"columns", "schemata", "tables", "views"}}


@dataclasses.dataclass(frozen=True)
class WriteTarget:
    """The table that a statement writes.

    Attributes:
        schema: Its schema, or None if the statement does not name one.
        name: Its name.
        appends: Whether it only adds rows without reading existing ones. Such writers wait for each other, but do not
            conflict.
    """

    schema: str | None
    name: str
    appends: bool


@dataclasses.dataclass(frozen=True)
class Statement:
    """The PostgreSQL form of one Redshift statement.

    Attributes:
        text: The statement in PostgreSQL's SQL with ``$1`` placeholders; empty for COPY and for statements that have no
            effect here (VACUUM).
        parameters: The names of the parameters, in the order of the placeholders.
        text_types: The text types (kind, bytes) that must exist before it runs.
        writes: The table whose rows it writes, if it is known.
        source: The table that a MERGE reads, which cannot be a view.
        creates: The name of the table that it creates with a sort key.
        zone_map: The columns of that sort key.
        in_transaction: Whether Redshift allows it inside a transaction.
        commits: Whether it commits the transaction in which it runs.
        returns_rows: Whether it is a query or a CALL.
        calls: Whether it is a CALL, whose procedure may handle an error and throw it again.
        takes_snapshot: Whether the transaction's snapshot is taken when it begins, unless it was taken before.
        copy: The COPY, for a COPY.
    """

    text: str
    parameters: tuple[str, ...] = ()
    text_types: frozenset[tuple[str, int]] = frozenset()
    writes: WriteTarget | None = None
    source: WriteTarget | None = None
    creates: tuple[str | None, str] | None = None
    zone_map: tuple[str, ...] = ()
    in_transaction: bool = True
    commits: bool = False
    returns_rows: bool = False
    calls: bool = False
    takes_snapshot: bool = True
    copy: CopyStatement | None = None


def translate(text: str, columns_of: ColumnsOf = lambda _schema, _table: None) -> Statement:
    """Translate one Redshift statement.

    Args:
        text: One statement, with or without a trailing semicolon. Parameters are written ``:name``.
        columns_of: The catalog, for the types of columns, and for names that may be an alias or a column.

    Raises:
        SqlNotSupported: Redshift would not run it, or the local Redshift cannot run it correctly.
    """
    if len(text.encode()) > MAX_STATEMENT_BYTES:
        raise SqlNotSupported(f"the statement is longer than {MAX_STATEMENT_BYTES // 1000} kB")
    statements = split_statements(text)
    if len(statements) != 1:
        raise SqlNotSupported("expecting one statement" if statements else "the statement is empty")
    (tokens,) = statements
    words = Words(tokens, text)
    columns_of = functools.cache(columns_of)
    for start, read in _WITH_EXPRESSIONS.items():
        if words.take(*start):
            return read(words, columns_of)
    for start, handle in _BY_WORDS.items():
        if words.take(*start):
            return handle(words)
    return _from_tree(text, tokens, columns_of=columns_of)


# Statements that are parsed word by word.


def _refuse(message: str) -> Callable[[Words], Statement]:
    def refuse(_words: Words) -> Statement:
        raise SqlNotSupported(message)

    return refuse


def _copy(words: Words) -> Statement:
    parsed = parse_copy(words)
    _check_changed(parsed.schema, parsed.table)
    return Statement("", writes=WriteTarget(parsed.schema, parsed.table, appends=True), copy=parsed)


def _call(words: Words, columns_of: ColumnsOf) -> Statement:
    schema, name = words.qualified_name()
    if words.peek() != "(":
        raise words.syntax_error("expecting the arguments in parentheses")
    arguments = _from_tree(f"SELECT arguments{words.rest()}", None, only_arguments=True, columns_of=columns_of)
    # A procedure with INOUT or OUT parameters returns their values as one row:
    # https://docs.aws.amazon.com/redshift/latest/dg/r_CALL_procedure.html
    return dataclasses.replace(
        arguments, text=f"CALL {quoted(schema, name)}({arguments.text})", returns_rows=True, calls=True
    )


def _fetch(words: Words) -> Statement:
    """Source: https://docs.aws.amazon.com/redshift/latest/dg/fetch.html."""
    words.take("NEXT")
    count = "NEXT"
    if words.take("FORWARD") and not words.at_end and words.peek() not in {"ALL", "FROM"}:
        count = f"FORWARD {words.number()}"
    elif words.take("ALL"):
        count = "ALL"
    words.expect("FROM")
    cursor = words.name()
    words.end()
    return Statement(f"FETCH {count} FROM {quoted(cursor)}", returns_rows=True)


def _declare(words: Words, columns_of: ColumnsOf) -> Statement:
    """Source: https://docs.aws.amazon.com/redshift/latest/dg/declare.html."""
    cursor = words.name()
    words.expect("CURSOR")
    words.expect("FOR")
    query = _from_tree(words.rest(), None, columns_of=columns_of)
    if not query.returns_rows:
        raise SqlNotSupported("DECLARE CURSOR takes a query")
    return dataclasses.replace(query, text=f"DECLARE {quoted(cursor)} CURSOR FOR {query.text}", returns_rows=False)


def _close(words: Words) -> Statement:
    cursor = words.name()
    words.end()
    return Statement(f"CLOSE {quoted(cursor)}")


def _lock(words: Words) -> Statement:
    words.take("TABLE")
    tables = []
    while True:
        schema, name = words.qualified_name()
        _check_changed(schema, name)
        tables.append(quoted(schema, name))
        if not words.take(","):
            break
    words.end()
    # LOCK is not among the statements that take a snapshot, so a transaction that begins with it sees rows that were
    # committed while it waited: https://docs.aws.amazon.com/redshift/latest/dg/c_serial_isolation.html
    return Statement(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE", takes_snapshot=False)


def _vacuum(words: Words) -> Statement:
    table = parse_vacuum(words)
    if table is None:
        return Statement("", in_transaction=False)
    _check_table(*table)
    name = quoted(*table).replace("'", "''")
    return Statement(f"SELECT redshift.sort_rows('{name}')", in_transaction=False)


def _analyze(words: Words) -> Statement:
    table, columns = parse_analyze(words)
    if table is None:
        return Statement("", in_transaction=False)
    _check_table(*table)
    of = f" ({', '.join(map(quoted, columns))})" if columns else ""
    return Statement(f"ANALYZE {quoted(*table)}{of}", in_transaction=False)


def _refresh(words: Words) -> Statement:
    schema, name = words.qualified_name()
    _check_changed(schema, name)
    words.take("RESTRICT")
    words.end()
    return Statement(f"REFRESH MATERIALIZED VIEW {quoted(schema, name)}", in_transaction=False)


def _create_schema(words: Words) -> Statement:
    exists = "IF NOT EXISTS " if words.take("IF", "NOT", "EXISTS") else ""
    name = words.name()
    if name in OWN_SCHEMAS or name.startswith("pg_"):
        raise SqlNotSupported(f'unacceptable schema name "{name}"')
    owner = f" AUTHORIZATION {quoted(words.name())}" if words.take("AUTHORIZATION") else ""
    if words.take("QUOTA"):
        words.expect("UNLIMITED")  # a limit would have to be enforced
    words.end()
    return Statement(f"CREATE SCHEMA {exists}{quoted(name)}{owner}")


def _role(verb: str) -> Callable[[Words], Statement]:
    def handle(words: Words) -> Statement:
        name = words.name()
        words.end()
        return Statement(f"{verb} ROLE {quoted(name)}")

    return handle


_PRIVILEGES = [
    "ALL",
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "REFERENCES",
    "USAGE",
    "CREATE",
    "EXECUTE",
    "TEMPORARY",
    "TEMP",
]


def _privileges(verb: str, preposition: str) -> Callable[[Words], Statement]:
    def handle(words: Words) -> Statement:
        if words.take("ROLE"):
            granted = quoted(words.name())
            words.expect(preposition)
            words.take("ROLE")
            text = f"{verb} {granted} {preposition} {quoted(words.name())}"
            words.end()
            return Statement(text)
        option = "GRANT OPTION FOR " if verb == "REVOKE" and words.take("GRANT", "OPTION", "FOR") else ""
        privileges = [words.one_of(*_PRIVILEGES)]
        words.take("PRIVILEGES")
        while words.take(","):
            privileges.append(words.one_of(*_PRIVILEGES))
        words.expect("ON")
        securable = ""
        if words.take("ALL", "TABLES", "IN", "SCHEMA"):
            securable = "ALL TABLES IN SCHEMA "
        else:
            securable = next((f"{kind} " for kind in ("SCHEMA", "DATABASE", "TABLE") if words.take(kind)), "")
        is_schema = securable.endswith("SCHEMA ")
        if words.peek() in {"PROCEDURE", "FUNCTION", "LANGUAGE", "ALL", "DATASHARE", "MODEL", "EXTERNAL", "COPY"}:
            raise SqlNotSupported(f"{verb} … ON {words.peek()} is not supported by the local Redshift")
        names = _list(words, words.qualified_name)
        for schema, name in names:
            _check_schema(name if is_schema else schema)
        securable += ", ".join(quoted(*name) for name in names)
        words.expect(preposition)
        grantees = ", ".join(_list(words, lambda: _grantee(words)))
        behind = " WITH GRANT OPTION" if verb == "GRANT" and words.take("WITH", "GRANT", "OPTION") else ""
        words.end()
        return Statement(f"{verb} {option}{', '.join(privileges)} ON {securable} {preposition} {grantees}{behind}")

    return handle


def _grantee(words: Words) -> str:
    if words.take("PUBLIC"):
        return "PUBLIC"
    if not words.take("ROLE"):
        words.take("GROUP")
    return quoted(words.name())


def _list(words: Words, read: Callable[[], _Read]) -> list[_Read]:
    found = [read()]
    while words.take(","):
        found.append(read())
    return found


_TRANSACTION = "transaction statements are not supported by the Data API: a batch is one transaction already"
_WITH_EXPRESSIONS: dict[tuple[str, ...], Callable[[Words, ColumnsOf], Statement]] = {
    ("CALL",): _call,
    ("DECLARE",): _declare,
}
_BY_WORDS: dict[tuple[str, ...], Callable[[Words], Statement]] = {
    ("COPY",): _copy,
    ("FETCH",): _fetch,
    ("CLOSE",): _close,
    ("LOCK",): _lock,
    ("VACUUM",): _vacuum,
    ("ANALYZE",): _analyze,
    ("REFRESH", "MATERIALIZED", "VIEW"): _refresh,
    ("CREATE", "SCHEMA"): _create_schema,
    ("CREATE", "ROLE"): _role("CREATE"),
    ("DROP", "ROLE"): _role("DROP"),
    ("GRANT",): _privileges("GRANT", "TO"),
    ("REVOKE",): _privileges("REVOKE", "FROM"),
    ("BEGIN",): _refuse(_TRANSACTION),
    ("START",): _refuse(_TRANSACTION),
    ("COMMIT",): _refuse(_TRANSACTION),
    ("END",): _refuse(_TRANSACTION),
    ("ROLLBACK",): _refuse(_TRANSACTION),
    ("ABORT",): _refuse(_TRANSACTION),
    ("UNLOAD",): _refuse("UNLOAD is not supported by the local Redshift"),
    ("EXPLAIN",): _refuse("EXPLAIN is not supported by the local Redshift: its plans would be PostgreSQL's"),
    ("SHOW",): _refuse("SHOW is not supported by the local Redshift"),
    ("SET",): _refuse("SET is not supported by the local Redshift"),
    ("RESET",): _refuse("RESET is not supported by the local Redshift"),
}


# Statements that are parsed as a tree.

_NODES: frozenset[type[exp.Expr]] = frozenset(
    {
        # queries
        exp.Select, exp.Union, exp.Except, exp.Intersect, exp.Subquery, exp.Values, exp.With, exp.CTE, exp.From,
        exp.Join, exp.Where, exp.Group, exp.Having, exp.Order, exp.Ordered, exp.Limit, exp.Offset, exp.Qualify,
        exp.Distinct, exp.Table, exp.TableAlias, exp.Alias, exp.Star, exp.Tuple, exp.Rollup, exp.Cube,
        exp.GroupingSets,
        # expressions
        exp.Column, exp.Identifier, exp.Literal, exp.Null, exp.Boolean, exp.Placeholder, exp.Paren, exp.Neg,
        exp.Not, exp.And, exp.Or, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Is, exp.In, exp.Between,
        exp.Like, exp.ILike, exp.Escape, exp.SimilarTo, exp.RegexpLike, exp.Exists, exp.Add, exp.Sub, exp.Mul,
        exp.Div, exp.Mod, exp.Pow, exp.DPipe, exp.BitwiseAnd, exp.BitwiseOr, exp.BitwiseXor, exp.Case, exp.If,
        exp.Cast, exp.Extract, exp.Trim, exp.Substring, exp.StrPosition, exp.Interval, exp.Var, exp.AtTimeZone,
        exp.CurrentDate, exp.CurrentTimestamp, exp.CurrentUser, exp.Anonymous, exp.Window, exp.WindowSpec,
        exp.WithinGroup, exp.IgnoreNulls, exp.RespectNulls, exp.DataType, exp.DataTypeParam, exp.NullSafeEQ,
        # statements
        exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Whens, exp.When, exp.TruncateTable, exp.Create, exp.Drop,
        exp.Alter, exp.Comment, exp.Schema, exp.ColumnDef, exp.ColumnConstraint, exp.NotNullColumnConstraint,
        exp.DefaultColumnConstraint, exp.PrimaryKeyColumnConstraint, exp.UniqueColumnConstraint,
        exp.EncodeColumnConstraint, exp.GeneratedAsIdentityColumnConstraint, exp.PrimaryKey, exp.ForeignKey,
        exp.Reference, exp.IndexParameters, exp.Constraint, exp.LikeProperty, exp.Property, exp.Properties,
        exp.TemporaryProperty, exp.MaterializedProperty, exp.AutoRefreshProperty, PhysicalDesign, exp.AlterRename,
        exp.RenameColumn, exp.AlterColumn,
    }
)  # fmt: skip
_NAMES_OF_NODES: dict[type[exp.Expr], str] = {
    exp.OnConflict: "ON CONFLICT",
    exp.Returning: "RETURNING",
    exp.Lateral: "LATERAL",
    exp.Array: "an array",
    exp.Bracket: "an array's or a SUPER value's element",
    exp.ByteString: "an E'…' string",
    exp.Index: "an index",
    exp.Pivot: "PIVOT",
    exp.TableSample: "TABLESAMPLE",
    exp.Lock: "FOR UPDATE",
    exp.UserDefinedFunction: "a user-defined function",
    exp.Filter: "FILTER (WHERE …)",
    exp.Into: "SELECT INTO (use CREATE TABLE … AS)",
}


def _from_tree(
    text: str,
    tokens: list[Token] | None,
    *,
    only_arguments: bool = False,
    columns_of: ColumnsOf,
) -> Statement:
    if tokens and tokens[-1].token_type != TokenType.HEREDOC_STRING:
        text = text[: tokens[-1].end + 1]  # without the semicolon and the comments behind the statement
    if tokens and [token.text.upper() for token in (tokens[0], *tokens[-2:])] == ["MERGE", "REMOVE", "DUPLICATES"]:
        raise SqlNotSupported(
            "MERGE … REMOVE DUPLICATES is not supported by the local Redshift: use WHEN MATCHED and WHEN NOT MATCHED, "
            "or DELETE and INSERT in one transaction"
        )
    try:
        tree = sqlglot.parse_one(text, read=RedshiftReader)
    except SqlglotError as error:
        raise syntax_error(error) from None
    if isinstance(tree, exp.Create | exp.Drop) and tree.args.get("kind") == "PROCEDURE":
        procedure = tree.find(exp.Table)
        _check_schema(procedure.db.lower() if procedure is not None else None)
        return Statement(create_procedure(tree) if isinstance(tree, exp.Create) else drop_procedure(tree))
    handle = _BY_TREE.get(type(tree))
    if handle is None:
        word = tokens[0].text.upper() if tokens else text.split(None, 1)[0].upper()
        if isinstance(tree, exp.Command):
            raise SqlNotSupported(f"this form of {word} is not supported by the local Redshift")
        raise SqlNotSupported(f"{word} statements are not supported by the local Redshift")
    _check_nodes(tree)
    expand_lateral_aliases(tree, columns_of)
    check_query_rules(tree)
    check_correlated_subqueries(tree, functions.AGGREGATES | functions.SORTED_AGGREGATES, columns_of)
    parameters = _number_parameters(tree)
    if only_arguments:
        call = tree.expressions[0] if isinstance(tree, exp.Select) and len(tree.expressions) == 1 else None
        if not isinstance(call, exp.Anonymous) or set(_given(tree)) != {"expressions"}:
            raise SqlNotSupported("syntax error in the arguments of CALL")
    else:
        name_columns(tree)
    statement = handle(tree)
    text_types = frozenset(
        found
        for node in tree.find_all(exp.DataType)
        if isinstance(node.parent, exp.ColumnDef | exp.AlterColumn) and (found := text_length(node))
    )
    add_types(tree, columns_of)
    tree = insert_casts(tree)
    if only_arguments:
        arguments = tree.expressions[0].expressions
        text = ", ".join(_generate(_rewrite_calls(argument.copy())) for argument in arguments)
    else:
        text = _generate(_rewrite_calls(tree))
    return dataclasses.replace(statement, text=text, parameters=parameters, text_types=text_types)


def _given(node: exp.Expr) -> list[str]:
    """Return the names of a node's arguments that have a value."""
    return [name for name, value in node.args.items() if value not in (None, False, [], "")]


def _allow(node: exp.Expr, *names: str) -> None:
    """Refuse a node that has arguments other than these."""
    extra = [name for name in _given(node) if name not in names]
    if extra:
        raise SqlNotSupported(
            f"{node.key.upper()} with {', '.join(extra).replace('_', ' ')} is not supported by the local Redshift"
        )


def _check_nodes(tree: exp.Expr) -> None:
    for node in tree.walk():
        if type(node) not in _NODES:
            name = _NAMES_OF_NODES.get(type(node), f"{node.key} ({node.sql(dialect='redshift')[:60]})")
            raise SqlNotSupported(f"{name} is not supported by Redshift or by the local Redshift")
        if isinstance(node, exp.Identifier):
            if not node.args.get("quoted") and node.name.upper() in RESERVED_WORDS and not _is_default(node):
                raise SqlNotSupported(f'syntax error at or near "{node.name}": it is a reserved word of Redshift')
        elif isinstance(node, exp.Table):
            _check_table_node(node)
        elif isinstance(node, exp.Distinct) and node.args.get("on"):
            raise SqlNotSupported("SELECT DISTINCT ON is not supported by Redshift")
        elif isinstance(node, exp.Placeholder):
            if not isinstance(node.this, str) or not node.this:
                raise SqlNotSupported('syntax error at or near "?": parameters are written :name')
        elif isinstance(node, exp.DataType):
            check_type(node)
        elif isinstance(node, exp.Window):
            _check_window(node)
        elif isinstance(node, exp.Anonymous):
            _check_aggregate(node)
        elif isinstance(node, exp.Select):
            _allow(node, "expressions", "from_", "joins", "where", "group", "having", "order", "limit", "offset",
                   "distinct", "qualify", "with_", "windows")  # fmt: skip
            if node.args.get("windows"):
                raise SqlNotSupported("a WINDOW clause is not supported by Redshift")


def _is_default(node: exp.Identifier) -> bool:
    """Return whether a node is the DEFAULT of ``SET column = DEFAULT``."""
    return (
        node.name.upper() == "DEFAULT"
        and isinstance(node.parent, exp.Column)
        and isinstance(node.parent.parent, exp.EQ)
        and isinstance(node.parent.parent.parent, exp.Update)
    )


def _check_table_node(table: exp.Table) -> None:
    if not table.this:
        _check_schema(table.db.lower())
        return
    if not isinstance(table.this, exp.Identifier):
        raise SqlNotSupported(
            "table functions (such as GENERATE_SERIES in FROM) are not supported by Redshift on tables"
        )
    if table.args.get("catalog"):
        raise SqlNotSupported(f"cross-database references are not supported by the local Redshift: {table.sql()}")
    _allow(table, "this", "db", "alias")
    _check_table(table.db.lower() or None, table.name.lower())


def _check_schema(name: str | None) -> None:
    if name in OWN_SCHEMAS:
        raise SqlNotSupported(f'schema "{name}" does not exist')


def _check_changed(schema: str | None, name: str) -> None:
    """Check a table or view that a statement writes, defines, drops or locks."""
    _check_table(schema, name)
    if name in _SYSTEM_TABLES or schema in _SYSTEM_SCHEMAS:
        raise SqlNotSupported(f"permission denied for relation {name}")


def _check_table(schema: str | None, name: str) -> None:
    _check_schema(schema)
    if schema in _SYSTEM_SCHEMAS:
        if name not in _SYSTEM_SCHEMAS[schema]:
            raise SqlNotSupported(f"{schema}.{name} is not supported by the local Redshift")
    elif schema in {None, "pg_catalog"} and name.startswith(_SYSTEM_PREFIXES) and name not in _SYSTEM_TABLES:
        hint = " (STL_ and SVL_ views do not exist on Serverless: see SYS_ views)" if name[:3] in {"stl", "svl"} else ""
        raise SqlNotSupported(f'relation "{name}" does not exist in the local Redshift{hint}')


def _check_window(window: exp.Window) -> None:
    function = called(window)
    if function is None:
        name = _NAMES_OF_NODES.get(type(window.this), "this window function")
        raise SqlNotSupported(f"{name} is not supported by the local Redshift")
    name = function.name.lower()
    known = functions.AGGREGATES | functions.ONLY_WINDOW | functions.SORTED_AGGREGATES
    if name not in known:
        raise SqlNotSupported(f"{name}() as a window function is not supported by the local Redshift")
    if name != "listagg" and any(isinstance(argument, exp.Distinct) for argument in function.expressions):
        raise SqlNotSupported("DISTINCT is not supported in a window function")
    ordered = bool(window.args.get("order"))
    if (
        name in functions.AGGREGATES | {"first_value", "last_value", "nth_value"}
        and ordered
        and not window.args.get("spec")
    ):
        raise SqlNotSupported("Aggregate window functions with an ORDER BY clause require a frame clause")


def _check_aggregate(call: exp.Anonymous) -> None:
    name = call.name.lower()
    if name == "listagg" and not isinstance(call.parent, exp.WithinGroup):
        return  # it is handled with its separator when it is rewritten
    parent = call.parent
    if isinstance(parent, exp.IgnoreNulls | exp.RespectNulls | exp.WithinGroup):
        parent = parent.parent
    if name in functions.ONLY_WINDOW and not isinstance(parent, exp.Window):
        raise SqlNotSupported(f"{name}() needs an OVER clause")
    for argument in call.expressions:
        if isinstance(argument, exp.Distinct) and name not in functions.AGGREGATES:
            raise SqlNotSupported(f"DISTINCT is not supported in {name}()")


def _number_parameters(tree: exp.Expr) -> tuple[str, ...]:
    names: list[str] = []
    for node in tree.find_all(exp.Placeholder, bfs=False):
        if node.this not in names:
            names.append(node.this)
        node.set("this", str(names.index(node.this) + 1))
    return tuple(names)


def _rewrite_calls(tree: exp.Expr) -> exp.Expr:
    """Replace every function with PostgreSQL's, and fold every name to lower case."""
    for name in tree.find_all(exp.Identifier):
        if not _is_default(name):
            name.set("this", name.name.lower())
            name.set("quoted", True)
    # From the leaves up, so that the arguments of a call are rewritten before the call.
    root = tree
    for node in reversed(list(tree.walk())):
        new: exp.Expr | None = None
        if isinstance(node, exp.WithinGroup):
            percentile = window_functions.PERCENTILES.get(node.this.name.lower())
            new = (percentile or _listagg)(node.this, node.expression)
        elif isinstance(node, exp.Anonymous) and not isinstance(node.parent, exp.WithinGroup) and not is_own_call(node):
            if node.name.lower() == "listagg":
                new = _listagg(node, None)
            elif node.name.lower() == "median" and len(node.expressions) == 1:
                new = window_functions.percentile(node.expressions[0], Decimal("0.5"))
            else:
                new = functions.rewrite(node.name, node.expressions)
        elif isinstance(node, exp.Window):
            new = window_functions.rewrite_window(node)
        elif isinstance(node, exp.CurrentUser):
            new = functions.call('redshift."current_user"')
        elif isinstance(node, exp.CurrentTimestamp):
            new = functions.call("redshift.sysdate") if node.args.get("sysdate") else None
        elif isinstance(node, exp.Extract):
            new = functions.extract(node.this, node.expression)
        elif isinstance(node, exp.Substring | exp.StrPosition | exp.Trim):
            node.set("this", functions.as_text(node.this))
        if new is not None and new is not node:
            if node is root:
                root = new
            else:
                node.replace(new)
    return root


_EMPTY = exp.Literal.string("")


def _listagg(call: exp.Expr, order: exp.Expr | None) -> exp.Expr:
    """Return LISTAGG([DISTINCT] value [, separator]) [WITHIN GROUP (ORDER BY …)] as PostgreSQL's aggregates.

    Source: https://docs.aws.amazon.com/redshift/latest/dg/r_LISTAGG.html
    """
    if not isinstance(call, exp.Anonymous) or call.name.lower() != "listagg":
        raise SqlNotSupported("WITHIN GROUP is supported for LISTAGG, PERCENTILE_CONT and PERCENTILE_DISC only")
    arguments = list(call.expressions)
    distinct = len(arguments) == 1 and isinstance(arguments[0], exp.Distinct)
    if distinct:
        arguments = list(arguments[0].expressions)
    if not 1 <= len(arguments) <= 2:
        raise SqlNotSupported(f"function listagg with {len(arguments)} arguments is not supported")
    value, separator = arguments[0], arguments[1] if len(arguments) == 2 else _EMPTY.copy()
    # NULL, which format() turns into an empty string, and empty strings are ignored.
    text: exp.Expr = functions.call("nullif", functions.call("format", exp.Literal.string("%s"), value), _EMPTY.copy())
    ordered = [] if order is None else order.expressions
    if distinct:
        values = functions.call("array_agg", exp.Order(this=text, expressions=ordered) if ordered else text)
        joined = functions.call("redshift.join_distinct", values, separator)
    else:
        last = exp.Order(this=separator, expressions=ordered) if ordered else separator
        joined = functions.call("string_agg", text, last)
    return functions.call(window_functions.LISTAGG, joined)


def _generate(tree: exp.Expr) -> str:
    generator = PostgresWriter().generator(
        unsupported_level=ErrorLevel.RAISE, comments=False, normalize_functions=False
    )
    for select in reversed(list(tree.find_all(exp.Select))):
        if select.args.get("qualify"):
            replaced = without_qualify(select.copy())
            if select is tree:
                tree = replaced
            else:
                select.replace(replaced)
    try:
        return generator.generate(tree)
    except SqlglotError as error:
        raise SqlNotSupported(f"not supported by the local Redshift: {error}") from None


def _written(table: exp.Expr | None, *, appends: bool = False) -> WriteTarget:
    if isinstance(table, exp.Schema):
        table = table.this
    if not isinstance(table, exp.Table):
        raise SqlNotSupported("syntax error: expecting the name of a table")
    target = WriteTarget(table.db.lower() or None, table.name.lower(), appends)
    _check_changed(target.schema, target.name)
    return target


def _query(_tree: exp.Expr) -> Statement:
    return Statement("", returns_rows=True)


def _insert(tree: exp.Expr) -> Statement:
    _allow(tree, "this", "expression", "default", "with_")
    return Statement("", writes=_written(tree.this, appends=True))


def _update(tree: exp.Expr) -> Statement:
    _allow(tree, "this", "expressions", "from_", "where", "with_")
    return Statement("", writes=_written(tree.this))


def _delete(tree: exp.Expr) -> Statement:
    _allow(tree, "this", "using", "where", "with_")
    return Statement("", writes=_written(tree.this))


def _merge(tree: exp.Expr) -> Statement:
    """Check a MERGE by Redshift's rules, see https://docs.aws.amazon.com/redshift/latest/dg/r_MERGE.html."""
    _allow(tree, "this", "using", "on", "whens")
    target, source = tree.this, tree.args["using"]
    if not isinstance(target, exp.Table) or target.alias:
        raise SqlNotSupported("MERGE: the target table takes no alias")
    if not isinstance(source, exp.Table):
        raise SqlNotSupported("MERGE: the source must be a table, not a subquery")
    if tree.args["on"].find(exp.Select):
        raise SqlNotSupported("MERGE: subqueries are not supported in the ON condition")
    for condition in tree.args["on"].flatten() if isinstance(tree.args["on"], exp.And) else [tree.args["on"]]:
        if not isinstance(condition.unnest(), exp.EQ):
            raise SqlNotSupported("MERGE: the ON condition must be equalities joined by AND")
    whens = tree.args["whens"].expressions
    if [bool(when.args.get("matched")) for when in whens] != [True, False] or any(
        when.args.get("source") or when.args.get("condition") for when in whens
    ):
        raise SqlNotSupported(
            "MERGE needs WHEN MATCHED THEN … and then WHEN NOT MATCHED THEN …, each once and without a condition"
        )
    matched, missing = (when.args["then"] for when in whens)
    if not (isinstance(matched, exp.Update) or (isinstance(matched, exp.Var) and matched.name.upper() == "DELETE")):
        raise SqlNotSupported("MERGE: WHEN MATCHED takes UPDATE SET … or DELETE")
    if not isinstance(missing, exp.Insert):
        raise SqlNotSupported("MERGE: WHEN NOT MATCHED takes INSERT … VALUES (…)")
    _repair_insert_without_columns(missing)
    return Statement("", writes=_written(target), source=_written(source))


def _repair_insert_without_columns(insert: exp.Insert) -> None:
    """Repair ``INSERT VALUES (…)``, where sqlglot parses VALUES as a call in a list of columns."""
    columns = insert.this
    if isinstance(columns, exp.Tuple) and len(columns.expressions) == 1:
        call = columns.expressions[0]
        if isinstance(call, exp.Anonymous) and call.name.lower() == "values":
            insert.set("this", None)
            insert.set("expression", exp.Tuple(expressions=call.expressions))


def _truncate(tree: exp.Expr) -> Statement:
    _allow(tree, "expressions")
    if len(tree.expressions) != 1:
        raise SqlNotSupported("TRUNCATE takes one table")
    # TRUNCATE commits the transaction in which it runs: https://docs.aws.amazon.com/redshift/latest/dg/r_TRUNCATE.html
    return Statement("", writes=_written(tree.expressions[0]), commits=True)


def _create(tree: exp.Expr) -> Statement:
    _allow(tree, "this", "kind", "replace", "exists", "properties", "expression", "no_schema_binding")
    properties = tree.args.get("properties")
    found = properties.expressions if properties else []
    materialized = any(isinstance(item, exp.MaterializedProperty) for item in found)
    for item in found:
        if not isinstance(
            item, PhysicalDesign | exp.MaterializedProperty | exp.TemporaryProperty | exp.AutoRefreshProperty
        ):
            raise SqlNotSupported(f"CREATE {tree.args['kind']} … {item.sql(dialect='redshift')} is not supported")
        if isinstance(item, exp.AutoRefreshProperty) and item.name.upper() != "NO":
            raise SqlNotSupported(
                "AUTO REFRESH YES is not supported by the local Redshift: nothing would refresh the view"
            )
    sort_key = sort_key_of(tree)
    if properties:
        properties.set(
            "expressions", [item for item in found if not isinstance(item, PhysicalDesign | exp.AutoRefreshProperty)]
        )
        if not properties.expressions:
            tree.set("properties", None)
    if tree.args["kind"] == "VIEW":
        if materialized and (tree.args.get("replace") or tree.args.get("exists")):
            raise SqlNotSupported("CREATE MATERIALIZED VIEW takes neither OR REPLACE nor IF NOT EXISTS")
        if tree.args.get("exists"):
            raise SqlNotSupported("CREATE VIEW IF NOT EXISTS is not supported by Redshift")
        _check_late_binding(tree)
    elif tree.args["kind"] == "TABLE":
        if tree.args.get("replace"):
            raise SqlNotSupported("CREATE OR REPLACE TABLE is not supported by Redshift")
        _check_table_definition(tree)
    else:
        raise SqlNotSupported(f"CREATE {tree.args['kind']} is not supported by Redshift or by the local Redshift")
    _written(tree.this)
    if not sort_key:
        return Statement("")
    created = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
    query = tree.args.get("expression")
    if isinstance(query, exp.Query) and tree.args["kind"] == "TABLE":
        tree.set("expression", sorted_by(query, sort_key))
    return Statement("", creates=(created.db.lower() or None, created.name.lower()), zone_map=sort_key)


def _check_late_binding(tree: exp.Expr) -> None:
    if not tree.args.get("no_schema_binding"):
        return
    common = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        if not table.db and table.name.lower() not in common and table.parent is not tree:
            raise SqlNotSupported(
                "All the relation names inside should be qualified when creating VIEW WITH NO SCHEMA BINDING."
            )
    tree.set("no_schema_binding", None)


def _check_table_definition(tree: exp.Expr) -> None:
    schema = tree.this
    if not isinstance(schema, exp.Schema):
        if tree.args.get("expression") is None:
            raise SqlNotSupported("syntax error: CREATE TABLE needs columns, LIKE or AS")
        if tree.args.get("exists"):
            raise SqlNotSupported("CREATE TABLE IF NOT EXISTS … AS is not supported by Redshift")
        return
    if tree.args.get("expression") is not None:
        raise SqlNotSupported("CREATE TABLE … AS with a list of columns is not supported by the local Redshift")
    key: set[str] = set()
    kept: list[exp.Expr] = []
    for item in schema.expressions:
        if isinstance(item, exp.ColumnDef):
            _check_column(item, key)
            kept.append(item)
        elif isinstance(item, exp.LikeProperty):
            for option in item.expressions:
                if (
                    option.name.upper() not in {"INCLUDING", "EXCLUDING"}
                    or option.args["value"].name.upper() != "DEFAULTS"
                ):
                    raise SqlNotSupported("LIKE takes INCLUDING DEFAULTS or EXCLUDING DEFAULTS")
            # LIKE copies the sort key: https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_TABLE_NEW.html
            item.append("expressions", exp.Property(this="INCLUDING", value=exp.var("INDEXES")))
            kept.append(item)
        elif isinstance(item, exp.PrimaryKey):
            key |= {column.name.lower() for column in item.expressions}
        elif not isinstance(item, exp.ForeignKey | exp.UniqueColumnConstraint | exp.Constraint):
            raise SqlNotSupported(f"{item.sql(dialect='redshift')} is not supported in CREATE TABLE")
        elif isinstance(item, exp.Constraint):
            for part in item.expressions:
                if isinstance(part, exp.PrimaryKey):
                    key |= {column.name.lower() for column in part.expressions}
    columns = {item.name.lower() for item in kept if isinstance(item, exp.ColumnDef)}
    if key - columns and not any(isinstance(item, exp.LikeProperty) for item in kept):
        raise SqlNotSupported(f'column "{min(key - columns)}" named in key does not exist')
    for item in kept:
        if isinstance(item, exp.ColumnDef) and item.name.lower() in key:
            _make_not_null(item)
    schema.set("expressions", kept)


def _check_column(column: exp.ColumnDef, key: set[str]) -> None:
    """Keep the constraints that PostgreSQL enforces. Redshift enforces no keys, but a primary key implies NOT NULL."""
    if column.args.get("kind") is None:
        raise SqlNotSupported(f'syntax error: column "{column.name}" has no type')
    kept = []
    for constraint in column.args.get("constraints") or []:
        kind = constraint.args.get("kind") if isinstance(constraint, exp.ColumnConstraint) else constraint
        if isinstance(kind, exp.PrimaryKeyColumnConstraint):
            key.add(column.name.lower())
        elif isinstance(kind, exp.NotNullColumnConstraint | exp.DefaultColumnConstraint):
            kept.append(constraint)
        elif isinstance(kind, exp.GeneratedAsIdentityColumnConstraint):
            if column.args["kind"].this not in {exp.DataType.Type.INT, exp.DataType.Type.BIGINT}:
                raise SqlNotSupported("an IDENTITY column must be INT or BIGINT")
            _allow_any_seed(kind)
            kept.append(constraint)
        elif not isinstance(
            kind, exp.UniqueColumnConstraint | exp.Reference | exp.EncodeColumnConstraint | PhysicalDesign
        ):
            raise SqlNotSupported(f"column {column.name}: {constraint.sql(dialect='redshift')} is not supported")
    column.set("constraints", kept)


def _allow_any_seed(identity: exp.Expr) -> None:
    """Move the bounds of the sequence behind an IDENTITY column to its seed, which PostgreSQL requires above 0."""
    seed, step = (int((identity.args.get(name) or exp.Literal.number(1)).sql()) for name in ("start", "increment"))
    if step == 0:
        raise SqlNotSupported("the step of an IDENTITY column cannot be 0")
    if step > 0 and seed < 1:
        identity.set("minvalue", exp.Literal.number(seed))
    elif step < 0:
        identity.set("maxvalue", exp.Literal.number(seed))


def _make_not_null(column: exp.ColumnDef) -> None:
    constraints = column.args.get("constraints") or []
    if not any(isinstance(item.kind, exp.NotNullColumnConstraint) for item in constraints):
        column.append("constraints", exp.ColumnConstraint(kind=exp.NotNullColumnConstraint()))


def _drop(tree: exp.Expr) -> Statement:
    _allow(tree, "this", "kind", "exists", "materialized", "cascade", "restrict", "expressions")
    if tree.args["kind"] not in {"TABLE", "VIEW", "SCHEMA"}:
        raise SqlNotSupported(f"DROP {tree.args['kind']} is not supported by Redshift or by the local Redshift")
    for dropped in tree.find_all(exp.Table):
        if dropped.this:
            _written(dropped)
        elif dropped.db.lower() in _SYSTEM_SCHEMAS or dropped.db.lower().startswith("pg_"):
            raise SqlNotSupported(f"permission denied for schema {dropped.db.lower()}")
    return Statement("")


def _alter(tree: exp.Expr) -> Statement:
    _allow(tree, "this", "kind", "actions")
    if tree.args["kind"] != "TABLE" or len(tree.args["actions"]) != 1:
        raise SqlNotSupported("this form of ALTER is not supported by Redshift or by the local Redshift")
    _written(tree.this)
    (action,) = tree.args["actions"]
    in_transaction = True
    if isinstance(action, exp.ColumnDef):
        if action.args.get("exists"):
            raise SqlNotSupported("ADD COLUMN IF NOT EXISTS is not supported by Redshift")
        key: set[str] = set()
        _check_column(action, key)
        if key:
            raise SqlNotSupported("ADD COLUMN takes no PRIMARY KEY in Redshift")
    elif isinstance(action, exp.Drop):
        _allow(action, "this", "kind", "cascade", "restrict")
    elif isinstance(action, exp.AlterColumn):
        _allow(action, "this", "dtype")
        if (text_length(action.args["dtype"]) or ("", 0))[0] != "varchar":
            raise SqlNotSupported("ALTER COLUMN … TYPE changes the length of a VARCHAR only")
        in_transaction = False
    elif isinstance(action, exp.RenameColumn):
        _allow(action, "this", "to")
    elif isinstance(action, exp.AlterRename):
        if action.this.db:
            raise SqlNotSupported("ALTER TABLE … RENAME TO takes a name without a schema")
        _written(action.this)
    else:
        raise SqlNotSupported("this form of ALTER TABLE is not supported by the local Redshift")
    return Statement("", in_transaction=in_transaction)


def _comment(tree: exp.Expr) -> Statement:
    _allow(tree, "this", "kind", "expression")
    if str(tree.args["kind"]).upper() not in {"TABLE", "COLUMN", "VIEW", "SCHEMA"}:
        raise SqlNotSupported(f"COMMENT ON {tree.args['kind']} is not supported by the local Redshift")
    if str(tree.args["kind"]).upper() == "SCHEMA":
        _check_schema(tree.this.name.lower())
    elif isinstance(tree.this, exp.Column):
        _check_changed(tree.this.db.lower() or None, tree.this.table.lower())
    else:
        _written(tree.this)
    return Statement("")


_BY_TREE: dict[type[exp.Expr], Callable[[exp.Expr], Statement]] = {
    exp.Select: _query,
    exp.Union: _query,
    exp.Except: _query,
    exp.Intersect: _query,
    exp.Subquery: _query,
    exp.Insert: _insert,
    exp.Update: _update,
    exp.Delete: _delete,
    exp.Merge: _merge,
    exp.TruncateTable: _truncate,
    exp.Create: _create,
    exp.Drop: _drop,
    exp.Alter: _alter,
    exp.Comment: _comment,
}
