"""The statements of a session on the warehouse's port: transactions, SET, SHOW, RESET and VERSION().

The Data API has none of them, because each of its calls is a separate transaction.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Literal

from sqlglot.tokenizer_core import Token

from local_aws.redshift.execution import BEGIN
from local_aws.redshift.refusal import SqlNotSupported
from local_aws.redshift.sql import OWN_SCHEMAS, Statement
from local_aws.redshift.statement_text import Words, quoted

_ISOLATION_LEVELS = (("SERIALIZABLE",), ("READ", "UNCOMMITTED"), ("READ", "COMMITTED"), ("REPEATABLE", "READ"))
# https://docs.aws.amazon.com/redshift/latest/dg/r_VERSION.html
_VERSION = (
    "PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC gcc (GCC) 3.4.2 20041017 (Red Hat 3.4.2-6.fc3),"
    " Redshift 1.0.12103"
)


@dataclasses.dataclass(frozen=True)
class TransactionStatement:
    """BEGIN, COMMIT or ROLLBACK.

    Attributes:
        kind: What it does.
        text: The same for PostgreSQL.
    """

    kind: Literal["BEGIN", "COMMIT", "ROLLBACK"]
    text: str


def transaction_statement(tokens: list[Token], text: str) -> TransactionStatement | None:
    """Return the transaction statement that these tokens are, or None.

    Sources: https://docs.aws.amazon.com/redshift/latest/dg/r_BEGIN.html and the pages of COMMIT, END, ROLLBACK, ABORT.

    Raises:
        SqlNotSupported: It has options that Redshift does not document.
    """
    words = Words(tokens, text)
    if words.take("START"):
        words.expect("TRANSACTION")
        return _begin(words)
    if words.take("BEGIN"):
        words.take("WORK") or words.take("TRANSACTION")
        return _begin(words)
    kind: Literal["COMMIT", "ROLLBACK"]
    if words.take("COMMIT") or words.take("END"):
        kind = "COMMIT"
    elif words.take("ROLLBACK") or words.take("ABORT"):
        kind = "ROLLBACK"
    else:
        return None
    words.take("WORK") or words.take("TRANSACTION")
    words.end()
    return TransactionStatement(kind, kind)


def _begin(words: Words) -> TransactionStatement:
    # All isolation levels mean the same in Redshift.
    if words.take("ISOLATION", "LEVEL") and not any(words.take(*level) for level in _ISOLATION_LEVELS):
        raise words.syntax_error("expecting an isolation level")
    read_only = words.take("READ", "ONLY")
    if not read_only:
        words.take("READ", "WRITE")
    words.end()
    return TransactionStatement("BEGIN", f"{BEGIN} READ ONLY" if read_only else BEGIN)


@dataclasses.dataclass(frozen=True)
class _Setting:
    """A parameter that SET changes.

    Attributes:
        name: Its name in PostgreSQL.
        shown: The expression that SHOW returns.
        value: Takes the new values and returns PostgreSQL's text for them.
    """

    name: str
    shown: str
    value: Callable[[list[str]], str]


def _search_path(schemas: list[str]) -> str:
    for schema in schemas:
        if schema in OWN_SCHEMAS or schema.startswith("pg_"):
            raise SqlNotSupported(f"a search path with {schema} is not supported by the local Redshift")
        if not schema or "," in schema:
            raise SqlNotSupported(f'SET search_path takes the names of schemas, separated by commas, not "{schema}"')
    return ", ".join([*map(quoted, schemas), "redshift", "pg_catalog"])  # Warehouse.session has both, too


def _milliseconds(values: list[str]) -> str:
    value = _single(values)
    if not value.isdigit():
        raise SqlNotSupported(f'SET statement_timeout takes milliseconds, not "{value}"')
    return value


def _text(values: list[str]) -> str:
    return "'" + _single(values).replace("'", "''") + "'"


def _single(values: list[str]) -> str:
    if len(values) != 1:
        raise SqlNotSupported("SET takes one value for this parameter")
    return values[0]


# https://docs.aws.amazon.com/redshift/latest/dg/cm_chap_ConfigurationRef.html. That page and r_SHOW.html disagree on
# the default of query_group. The query_label of SYS_QUERY_HISTORY is "default".
_SETTINGS = {
    "search_path": _Setting(
        "search_path",
        "regexp_replace(regexp_replace(replace(current_setting('search_path'), '\"', ''),"
        " ', *redshift, *pg_catalog$', ''), ', *', ', ', 'g')",
        _search_path,
    ),
    "statement_timeout": _Setting(
        "statement_timeout",
        "(SELECT setting FROM pg_catalog.pg_settings WHERE name = 'statement_timeout')",
        _milliseconds,
    ),
    "query_group": _Setting(
        "redshift.query_group", "coalesce(nullif(current_setting('redshift.query_group', true), ''), 'default')", _text
    ),
    "application_name": _Setting("application_name", "current_setting('application_name')", _text),
}
# Parameters whose value cannot change here, with the spellings of that value.
_FIXED = {
    "timezone": ("UTC", {"utc"}),
    "datestyle": ("ISO, MDY", {"iso", "iso, mdy", "iso,mdy"}),
    "client_encoding": ("UTF8", {"utf8", "utf-8", "unicode"}),
}


def session_statement(tokens: list[Token], text: str) -> Statement | None:
    """Return PostgreSQL's form of SET, SHOW, RESET or ``SELECT VERSION()``, or None for another statement.

    Raises:
        SqlNotSupported: The parameter or its value is not supported.
    """
    words = Words(tokens, text)
    if words.take("SET"):
        return _set(words)
    if words.take("RESET"):
        name = words.name()
        words.end()
        return _session("RESET ALL" if name == "all" else "" if name in _FIXED else f"RESET {_known(name).name}")
    if words.take("SHOW"):
        name = words.name()
        words.end()
        shown = f"'{_FIXED[name][0]}'" if name in _FIXED else _known(name).shown
        return _session(f"SELECT {shown}::varchar AS {name}", returns_rows=True)
    selects = words.take("SELECT", "PG_CATALOG", ".") or words.take("SELECT")
    if selects and words.take("VERSION", "(", ")") and words.at_end:
        return _session(f"SELECT '{_VERSION}'::varchar AS version", returns_rows=True)
    return None


def _session(text: str, *, returns_rows: bool = False) -> Statement:
    return Statement(text, returns_rows=returns_rows, takes_snapshot=False)


def _set(words: Words) -> Statement:
    scope = words.one_of("LOCAL", "SESSION") if words.peek() in {"LOCAL", "SESSION"} else "SESSION"
    name = words.name()
    if not words.take("TO"):
        words.expect("=")
    default = words.take("DEFAULT")
    values = [] if default else [_value(words)]
    while words.take(","):
        values.append(_value(words))
    words.end()
    if name in _FIXED:
        value, spellings = _FIXED[name]
        if not default and ", ".join(values).lower() not in spellings:
            raise SqlNotSupported(f"SET {name} takes only {value} in the local Redshift")
        return _session("")
    setting = _known(name)
    return _session(f"SET {scope} {setting.name} TO {'DEFAULT' if default else setting.value(values)}")


def _value(words: Words) -> str:
    if words.at_string:
        return words.string()
    return str(words.number()) if words.peek().isdigit() else words.name()


def _known(name: str) -> _Setting:
    if name not in _SETTINGS:
        known = ", ".join(sorted({*_SETTINGS, *_FIXED}))
        raise SqlNotSupported(f"the parameter {name} is not supported by the local Redshift: it has {known}")
    return _SETTINGS[name]
