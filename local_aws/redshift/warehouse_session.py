"""One client's session on the warehouse's port: the messages of PostgreSQL's protocol after the login."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import re
import struct
import time
from collections.abc import Callable, Mapping
from typing import Any

import psycopg
from psycopg import pq
from psycopg.pq.abc import PGresult
from sqlglot.tokenizer_core import Token

from local_aws.redshift import wire_protocol as wire
from local_aws.redshift.cancellation import Cancellation
from local_aws.redshift.catalog import columns_of
from local_aws.redshift.catalog_queries import reads_only_the_catalog
from local_aws.redshift.copy_runner import CopyRunner
from local_aws.redshift.execution import BEGIN, Arguments, StatementError, Transaction, statement_error
from local_aws.redshift.query_history import QueryHistory
from local_aws.redshift.refusal import SqlNotSupported
from local_aws.redshift.session_statements import TransactionStatement, session_statement, transaction_statement
from local_aws.redshift.sql import Statement, translate
from local_aws.redshift.statement_store import StatementRecord
from local_aws.redshift.statement_text import split_statements
from local_aws.redshift.types import SqlType
from local_aws.redshift.warehouse import Warehouse

# Finds $1, and :name outside strings, quoted names, comments, dollar-quoted strings, words and casts.
_PARAMETER = re.compile(
    r"""
    '(?:[^'\\]|\\.|'')*' | "[^"]*" | --[^\n]* | /\*.*?\*/
    | \$(?P<tag>(?:[A-Za-z_]\w*)?)\$.*?\$(?P=tag)\$
    | [A-Za-z_][\w$]* | ::
    | \$(?P<number>\d+) | :(?P<name>[A-Za-z_]\w*)
    """,
    re.DOTALL | re.VERBOSE,
)
_UNKNOWN_TYPE = 705
_FAILED, _OPEN = pq.TransactionStatus.INERROR, pq.TransactionStatus.INTRANS
_OWN_TAGS = {b"VACUUM", b"SHOW"}  # run as a SELECT


@dataclasses.dataclass
class _Prepared:
    """A statement of the client.

    Attributes:
        text: Its text, as the client sent it.
        types: The types of its parameters that the client declared.
        tokens: Its tokens, with ``:p1`` for ``$1``; none for an empty statement.
        translatable: The text of these tokens.
        control: What it does to the transaction, for BEGIN, COMMIT and ROLLBACK.
        statement: Its translation, until it has run with it. The tables may have changed before it runs again.
    """

    text: str
    types: tuple[int, ...]
    tokens: list[Token]
    translatable: str
    control: TransactionStatement | None
    statement: Statement | None = None


@dataclasses.dataclass
class _Portal:
    prepared: _Prepared
    bound: wire.Bound
    outcome: _Outcome | None = None
    at: int = 0


@dataclasses.dataclass
class _Outcome:
    """What a statement returned.

    Attributes:
        fields: The columns, for a query.
        result: The rows.
        tag: The CommandComplete tag; None for an empty statement.
        format: The format of the values.
    """

    fields: list[wire.Field]
    result: PGresult | None
    tag: bytes | None
    format: int = wire.TEXT

    @property
    def count(self) -> int:
        return self.result.ntuples if self.result is not None and self.fields else 0

    def row(self, number: int) -> list[bytes | None]:
        if self.result is None:
            return []
        return [self.result.get_value(number, column) for column in range(len(self.fields))]


class Session:
    """The statements of one client, on a separate connection to PostgreSQL, as the client's user.

    Args:
        warehouse: The warehouse.
        connection: A connection of the client's user, in autocommit mode.
        database: The name of its database.
        user: The user's name.
        workgroup: The workgroup for which a COPY assumes its role.
        copies: Runs the COPY statements.
        history: Records the statements that have ended for SYS_QUERY_HISTORY.
        longest_seconds: Returns the seconds after which a statement is aborted (max_query_execution_time).
        send: Sends a message to the client.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        connection: psycopg.Connection[Any],
        *,
        database: str,
        user: str,
        workgroup: str,
        copies: CopyRunner,
        history: QueryHistory,
        longest_seconds: Callable[[], float],
        send: Callable[[bytes], object],
    ) -> None:
        self._warehouse = warehouse
        self._connection = connection
        self._database = database
        self._user = user
        self._workgroup = workgroup
        self._copies = copies
        self._history = history
        self._longest_seconds = longest_seconds
        self._running = Cancellation()
        self._send = send
        self._pid = connection.info.backend_pid
        self._transaction: Transaction | None = None  # of BEGIN
        self._prepared: dict[bytes, _Prepared] = {}
        self._portals: dict[bytes, _Portal] = {}
        self._numbers = itertools.count(1)
        self._skips_to_sync = False
        connection.add_notice_handler(self._notice)

    def close(self) -> None:
        """Close the connection, which rolls back an open transaction."""
        self._connection.close()

    def cancel(self) -> None:
        """Cancel the running statement. This may be called from another thread."""
        self._running.cancel()

    # Messages

    def handle(self, kind: bytes, body: bytes) -> bool:
        """Answer a message of the client, and return whether everything that was sent must reach the client now.

        Raises:
            psycopg.OperationalError: The connection to PostgreSQL is lost.
        """
        if kind == b"S":
            self._skips_to_sync = False
            self.ready()
        elif kind != b"H" and not self._skips_to_sync:
            try:
                self._answer(kind, body)
            except (StatementError, psycopg.Error) as error:
                if self._connection.closed:
                    raise psycopg.OperationalError(str(error)) from error
                failure = error if isinstance(error, StatementError) else statement_error(error, None)
                text = failure.message.removeprefix("ERROR: ")
                self._send(wire.error_or_notice(b"E", "ERROR", failure.code, text))
                if self._transaction is not None:
                    self._fail_transaction()
                self._skips_to_sync = kind != b"Q"
            if kind == b"Q":
                self.ready()
        return kind in {b"S", b"H", b"Q"}

    def ready(self) -> None:
        """Send that the session waits for the next statement."""
        letters = {_OPEN: b"T", _FAILED: b"E"}
        self._send(wire.message(b"Z", letters.get(self._connection.info.transaction_status, b"I")))

    def _answer(self, kind: bytes, body: bytes) -> None:
        match kind:
            case b"Q":
                self._simple_query(body[:-1].decode())
            case b"P":
                name, text, types = wire.parse_message(body)
                prepared = _parsed(text, types)
                if prepared.tokens and prepared.control is None:
                    self._translated(prepared)
                self._prepared[name] = prepared
                self._send(wire.message(b"1"))
            case b"B":
                bound = wire.bind_message(body)
                self._portals[bound.portal] = _Portal(self._known(bound.statement), bound)
                self._send(wire.message(b"2"))
            case b"D":
                self._describe(body[:1], body[1:-1])
            case b"E":
                portal, rest = body.split(b"\0", 1)
                self._execute(self._portal(portal), struct.unpack(">i", rest)[0])
            case b"C":
                (self._prepared if body[:1] == b"S" else self._portals).pop(body[1:-1], None)
                self._send(wire.message(b"3"))
            case _:
                raise _error("08P01", f"message {kind!r} is not supported by the local Redshift")

    def _simple_query(self, text: str) -> None:
        statements = [_parsed(one, ()) for one in _split(text)]
        if not statements:
            self._send(wire.message(b"I"))
        # Several statements in one message are one transaction, unless they contain BEGIN or COMMIT.
        together = len(statements) > 1 and self._transaction is None and not any(one.control for one in statements)
        if together:
            self._change_transaction(TransactionStatement("BEGIN", BEGIN))
        try:
            for one in statements:
                outcome = self._perform(one, None)
                if outcome.fields:
                    self._send(wire.row_description(outcome.fields, (wire.TEXT,) * len(outcome.fields)))
                for number in range(outcome.count):
                    self._send(wire.data_row(outcome.row(number)))
                self._complete(outcome)
        except (StatementError, psycopg.Error):
            if together:
                self._transaction = None
                self._connection.rollback()
            raise
        if together:
            self._change_transaction(TransactionStatement("COMMIT", "COMMIT"))

    def _describe(self, kind: bytes, name: bytes) -> None:
        if kind == b"P":
            portal = self._portal(name)
            outcome = self._outcome(portal)
            formats = wire.spread_formats(portal.bound.result_formats, len(outcome.fields))
            self._send(wire.row_description(outcome.fields, formats) if outcome.fields else wire.message(b"n"))
            return
        types, fields = self._described(self._known(name))
        self._send(wire.message(b"t", struct.pack(f">h{len(types)}I", len(types), *types)))
        self._send(wire.row_description(fields, (wire.TEXT,) * len(fields)) if fields else wire.message(b"n"))

    def _execute(self, portal: _Portal, limit: int) -> None:
        outcome = self._outcome(portal)
        formats = wire.spread_formats(portal.bound.result_formats, len(outcome.fields))
        end = outcome.count if limit <= 0 else min(portal.at + limit, outcome.count)
        for number in range(portal.at, end):
            row = outcome.row(number)
            if outcome.format == wire.TEXT:
                try:
                    row = [
                        wire.encoded(value, field.type, code)
                        for value, field, code in zip(row, outcome.fields, formats, strict=True)
                    ]
                except wire.ProtocolError as error:
                    raise _error("0A000", f"{error} by the local Redshift") from None
            self._send(wire.data_row(row))
        portal.at = end
        if end < outcome.count:
            self._send(wire.message(b"s"))
        else:
            self._complete(outcome)

    def _complete(self, outcome: _Outcome) -> None:
        self._send(wire.message(b"I") if outcome.tag is None else wire.message(b"C", outcome.tag + b"\0"))

    def _notice(self, notice: psycopg.errors.Diagnostic) -> None:
        self._send(
            wire.error_or_notice(
                b"N", notice.severity or "NOTICE", notice.sqlstate or "00000", notice.message_primary or ""
            )
        )

    # Statements

    def _known(self, name: bytes) -> _Prepared:
        found = self._prepared.get(name)
        if found is None:
            raise _error("26000", f'prepared statement "{name.decode()}" does not exist')
        return found

    def _portal(self, name: bytes) -> _Portal:
        found = self._portals.get(name)
        if found is None:
            raise _error("34000", f'portal "{name.decode()}" does not exist')
        return found

    def _outcome(self, portal: _Portal) -> _Outcome:
        if portal.outcome is None:
            portal.outcome = self._perform(portal.prepared, portal.bound)
        return portal.outcome

    def _columns_of(self, schema: str | None, table: str) -> Mapping[str, SqlType | None] | None:
        return columns_of(self._connection, schema, table)

    def _translated(self, prepared: _Prepared) -> Statement:
        """Return the translation of a statement, with the tables as they are now."""
        if self._connection.info.transaction_status == _FAILED:
            raise _error("25P02", "current transaction is aborted, commands ignored until end of transaction block")
        if prepared.statement is None:
            try:
                prepared.statement = session_statement(prepared.tokens, prepared.translatable) or (
                    Statement(prepared.text, returns_rows=True)
                    if reads_only_the_catalog(prepared.text)
                    else translate(prepared.translatable, self._columns_of)
                )
            except SqlNotSupported as error:
                raise _error("0A000", str(error)) from None
        return prepared.statement

    def _described(self, prepared: _Prepared) -> tuple[tuple[int, ...], list[wire.Field]]:
        """Return the types of a statement's parameters and its result's columns, as PostgreSQL infers them."""
        if not prepared.tokens or prepared.control is not None:
            return prepared.types, []
        statement = self._translated(prepared)
        if not statement.text:
            return prepared.types, []
        order = _order(statement)
        given = [prepared.types[number - 1] if number <= len(prepared.types) else 0 for number in order]
        result = self._connection.pgconn.prepare(b"", statement.text.encode(), [_inferred(oid) for oid in given])
        self._check(result, statement)
        found = self._connection.pgconn.describe_prepared(b"")
        self._check(found, statement)
        types = [0] * max([len(prepared.types), *order])
        for at, number in enumerate(order):
            types[number - 1] = found.param_type(at)
        return tuple(types), _fields(found) if statement.returns_rows else []

    def _perform(self, prepared: _Prepared, bound: wire.Bound | None) -> _Outcome:
        if not prepared.tokens:
            return _Outcome([], None, None)
        if prepared.control is not None:
            return self._change_transaction(prepared.control)
        statement, prepared.statement = self._translated(prepared), None
        record = StatementRecord(
            id=f"{self._pid}:{next(self._numbers)}",
            database=self._database,
            workgroup=self._workgroup,
            query=prepared.text,
            created_at=time.time(),
            db_user=self._user,
            pid=self._pid,
            query_id=self._history.next_id(self._database),
        )
        cancellation = self._running = Cancellation()
        cancellation.attach(self._connection)
        try:
            outcome = self._run(statement, record, _arguments(statement, prepared.types, bound), cancellation)
            word = prepared.tokens[0].text.upper().encode()
            if not outcome.tag or word in _OWN_TAGS:
                outcome.tag = word
            record.status = "FINISHED"
            record.has_result = bool(outcome.fields)
            if outcome.fields:
                record.result_rows = outcome.count
                record.result_size = sum(len(value or b"") for at in range(outcome.count) for value in outcome.row(at))
            return outcome
        except StatementError as error:
            record.status, record.error = "FAILED", error.message
            raise
        finally:
            cancellation.release()
            self._history.add(record, record.created_at, cancelled=cancellation.stops())

    def _run(
        self, statement: Statement, record: StatementRecord, arguments: Arguments, cancellation: Cancellation
    ) -> _Outcome:
        alone = self._transaction is None
        transaction = self._transaction or Transaction(self._connection, self._warehouse, self._database, alone=True)
        try:
            result = transaction.run(
                statement, record, arguments, copies=self._copies, cancellation=cancellation,
                longest_seconds=self._longest_seconds(),
            )  # fmt: skip
            cancellation.release()  # the commit is not interrupted
            if alone or statement.commits:
                transaction.commit()
            if not alone:
                transaction.begin()
        except (StatementError, psycopg.Error) as error:
            if alone:
                self._connection.rollback()
            raise error if isinstance(error, StatementError) else statement_error(error, statement) from None
        if statement.copy is not None:
            self._send(wire.error_or_notice(b"N", "INFO", "00000", _loaded(statement.copy.table, record.result_rows)))
        fields = _fields(result) if result is not None and statement.returns_rows else []
        tag = (result.command_status or b"") if result is not None else b""
        return _Outcome(fields, result, tag, arguments.result_format)

    def _change_transaction(self, change: TransactionStatement) -> _Outcome:
        text = change.text
        if change.kind == "BEGIN" and self._transaction is not None:
            text = "BEGIN"  # PostgreSQL warns that there is a transaction
        try:
            done = self._connection.execute(text.encode())
        except psycopg.Error as error:
            if change.kind != "BEGIN":
                self._transaction = None
            raise statement_error(error, None) from None
        if change.kind != "BEGIN":
            self._transaction = None
        elif self._transaction is None:
            self._transaction = Transaction(self._connection, self._warehouse, self._database, alone=False)
        return _Outcome([], None, (done.statusmessage or change.kind).encode())

    def _fail_transaction(self) -> None:
        """Put the transaction into PostgreSQL's failed state after a refusal that PostgreSQL has not seen."""
        if self._connection.info.transaction_status == _OPEN:
            with contextlib.suppress(psycopg.errors.DivisionByZero):
                self._connection.execute("SELECT 1/0")

    @staticmethod
    def _check(result: PGresult, statement: Statement) -> None:
        if result.status not in {pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK}:
            raise statement_error(psycopg.errors.error_from_result(result), statement)


def _split(text: str) -> list[str]:
    """Return the texts of the statements in a message."""
    try:
        parts = split_statements(text)
    except SqlNotSupported as error:
        raise _error("42601", str(error)) from None
    return [text] if len(parts) == 1 else [text[part[0].start : part[-1].end + 1] for part in parts]


def _parsed(text: str, types: tuple[int, ...]) -> _Prepared:
    translatable = _PARAMETER.sub(_own_parameter, text)
    try:
        parts = split_statements(translatable)
        if len(parts) > 1:
            raise SqlNotSupported("cannot insert multiple commands into a prepared statement")
        tokens = parts[0] if parts else []
        return _Prepared(text, types, tokens, translatable, transaction_statement(tokens, translatable))
    except SqlNotSupported as error:
        raise _error("42601", str(error)) from None


def _own_parameter(found: re.Match[str]) -> str:
    if found["name"]:
        raise _error(
            "42601", f'syntax error at or near ":{found["name"]}": parameters on the warehouse\'s port are written $1'
        )
    return f":p{found['number']}" if found["number"] else found[0]


def _arguments(statement: Statement, types: tuple[int, ...], bound: wire.Bound | None) -> Arguments:
    order = _order(statement)
    values = bound.values if bound is not None else ()
    if order and max(order) > len(values):
        raise _error("42P02", f"there is no parameter ${max(order)}")
    requested = bound.result_formats if bound is not None else ()
    return Arguments(
        values=[values[number - 1] for number in order],
        types=[_inferred(types[number - 1]) if number <= len(types) else 0 for number in order],
        formats=[bound.formats[number - 1] for number in order] if bound is not None else [],
        result_format=wire.BINARY if requested and all(code == wire.BINARY for code in requested) else wire.TEXT,
    )


def _loaded(table: str, rows: int) -> str:
    return f"Load into table '{table}' completed, {rows} record(s) loaded successfully."


def _error(code: str, text: str) -> StatementError:
    return StatementError(code, f"ERROR: {text}")


def _order(statement: Statement) -> list[int]:
    """Return the client's numbers of a translated statement's parameters, in PostgreSQL's order."""
    return [int(name.removeprefix("p")) for name in statement.parameters]


def _inferred(oid: int) -> int:
    """Return a parameter's type for PostgreSQL, which infers unknown ones."""
    return 0 if oid == _UNKNOWN_TYPE else oid


def _fields(result: PGresult) -> list[wire.Field]:
    return [
        wire.Field(
            result.fname(at) or b"", result.ftable(at), result.ftablecol(at), result.ftype(at), result.fsize(at),
            result.fmod(at),
        )
        for at in range(result.nfields)
    ]  # fmt: skip
