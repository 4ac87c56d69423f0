r"""The warehouse's TCP port: signs clients in, and runs their statements as the Data API does.

psql, psycopg, redshift_connector and other clients of PostgreSQL's protocol 3 connect here. Their statements go through
the same translation, locks, snapshots and COPY as those of the Data API. TLS is refused, so redshift_connector needs
``ssl=False``. Queries of tables in ``pg_catalog`` only, such as those behind psql's ``\d``, run unchanged.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import logging
import re
import secrets
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from typing import IO, Any

import psycopg
from psycopg import generators, pq
from psycopg.pq.abc import PGresult

from local_aws.ports import bound_socket
from local_aws.redshift import wire_protocol as wire
from local_aws.redshift.catalog import columns_of
from local_aws.redshift.copy_runner import CopyRunner
from local_aws.redshift.error_messages import redshift_error
from local_aws.redshift.execution import OvertakenError, RethrownError, Transaction
from local_aws.redshift.load import CopyError
from local_aws.redshift.query_history import QueryHistory
from local_aws.redshift.refusal import SqlNotSupported
from local_aws.redshift.sql import Statement, translate
from local_aws.redshift.statement_store import StatementRecord
from local_aws.redshift.statement_text import split_statements
from local_aws.redshift.types import SqlType
from local_aws.redshift.warehouse import Warehouse

logger = logging.getLogger(__name__)

_BEGIN = re.compile(r"(begin|start)(\s+(work|transaction))?\s*", re.IGNORECASE)
_COMMIT = re.compile(r"(commit|end)(\s+(work|transaction))?\s*", re.IGNORECASE)
_ROLLBACK = re.compile(r"(rollback|abort)(\s+(work|transaction))?\s*", re.IGNORECASE)
_PARAMETER = re.compile(r"'(?:[^'\\]|\\.|'')*'|\"[^\"]*\"|--[^\n]*|/\*.*?\*/|\$\$.*?\$\$|\$(?P<number>\d+)", re.DOTALL)
_CATALOG_ONLY = re.compile(r"\b(?:from|join)\s+(?P<table>\(|[\w.\"]+)", re.IGNORECASE)
_AUTHENTICATION_OK, _CLEARTEXT_PASSWORD = 0, 3
_IN_ERROR = b"E"


class _SessionError(Exception):
    """A statement failed, with PostgreSQL's five-character code and Redshift's message."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclasses.dataclass
class _Prepared:
    text: str
    types: tuple[int, ...]
    statement: Statement | None = None


@dataclasses.dataclass
class _Portal:
    prepared: _Prepared
    bound: wire.Bound
    outcome: _Outcome | None = None
    at: int = 0


@dataclasses.dataclass
class _Outcome:
    fields: list[wire.Field]
    rows: list[tuple[bytes | None, ...]]
    tag: bytes
    format: int = wire.TEXT


class WarehousePort:
    """Listens on the warehouse's port. Use it as a context manager.

    Args:
        warehouse: A started warehouse.
        port: The TCP port.
        host: Its address, or ``0.0.0.0`` for all addresses of this machine.
        copies: Runs the COPY statements.
        workgroup_of: Takes a database and a user and returns the workgroup for which a COPY assumes its role.

    Raises:
        PortNotFreeError: The port is in use.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        *,
        port: int,
        host: str = "127.0.0.1",
        copies: CopyRunner,
        workgroup_of: Callable[[str, str], str] = lambda _database, _user: "",
    ) -> None:
        self.warehouse = warehouse
        self.copies = copies
        self.workgroup_of = workgroup_of
        self.history = QueryHistory(warehouse)
        self._listener = bound_socket(port, host)
        self._sessions: dict[int, _Session] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> WarehousePort:
        self._listener.listen()
        threading.Thread(target=self._accept, name="warehouse-port", daemon=True).start()
        return self

    def __exit__(self, *_exception: object) -> None:
        # close() alone would not wake the thread in accept().
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            sessions = list(self._sessions.values())
        for session in sessions:
            session.end()
        for session in sessions:
            session.thread.join(5)
        self.history.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _address = self._listener.accept()
            except OSError:
                return
            session = _Session(self, client)
            with self._lock:
                self._sessions[id(session)] = session
            session.thread.start()

    def forget(self, session: _Session) -> None:
        """Forget a session that has ended."""
        with self._lock:
            self._sessions.pop(id(session), None)

    def cancel(self, pid: int, key: int) -> None:
        """Cancel the statement of the session with this process and this key."""
        with self._lock:
            found = [session for session in self._sessions.values() if session.key == key and session.pid == pid]
        for session in found:
            session.cancel()


class _Session:
    """One client's connection, with a connection of its own to PostgreSQL, as the client's user."""

    def __init__(self, owner: WarehousePort, client: socket.socket) -> None:
        self._owner = owner
        self._client = client
        self._reader: IO[bytes] = client.makefile("rb")
        self._writer: IO[bytes] = client.makefile("wb")
        self.key = secrets.randbits(31)
        self.pid = 0
        self.thread = threading.Thread(target=self._run, name="warehouse-session", daemon=True)
        self._connection: psycopg.Connection[Any] | None = None
        self._transaction: Transaction | None = None  # of BEGIN
        self._user = ""
        self._database = ""
        self._prepared: dict[bytes, _Prepared] = {}
        self._portals: dict[bytes, _Portal] = {}
        self._numbers = itertools.count(1)

    def end(self) -> None:
        """End the session from another thread."""
        self.cancel()
        with contextlib.suppress(OSError):
            self._client.shutdown(socket.SHUT_RDWR)

    def cancel(self) -> None:
        """Cancel the running statement."""
        if self._connection is not None:
            try:
                self._connection.cancel_safe(timeout=5)
            except psycopg.Error:
                logger.debug("nothing to cancel")

    def _run(self) -> None:
        try:
            if self._sign_in():
                self._serve()
        except (OSError, ValueError, wire.ProtocolError, struct.error) as error:
            logger.debug("a client of the warehouse's port is gone: %s", error)
        finally:
            self._owner.forget(self)
            if self._connection is not None:
                self._connection.close()
            # The socket stays open until its files are closed, and a client that cancels waits for that.
            for part in (self._writer, self._reader, self._client):
                with contextlib.suppress(OSError):
                    part.close()

    # Signing in

    def _sign_in(self) -> bool:
        while True:
            first = wire.read_startup(self._reader)
            if first is None:
                return False
            code, body = first
            if code in {wire.SSL_REQUEST, wire.GSS_REQUEST}:
                self._send(b"N")  # no TLS; the client continues without, or gives up
                self._flush()
                continue
            if code == wire.CANCEL_REQUEST:
                self._owner.cancel(*struct.unpack(">ii", body[:8]))
                return False
            break
        if code >> 16 != wire.VERSION_3:
            return self._refuse_login("0A000", f"unsupported frontend protocol {code >> 16}.{code & 0xFFFF}")
        if code & 0xFFFF:
            self._send(wire.message(b"v", struct.pack(">ii", 0, 0)))
        words = wire.strings(body)
        settings = dict(zip(words[::2], words[1::2], strict=False))
        self._user = settings.get("user", "")
        self._database = settings.get("database") or self._user
        if settings.get("options"):
            return self._refuse_login("0A000", "options of a connection are not supported by the local Redshift")
        self._send(wire.message(b"R", struct.pack(">i", _CLEARTEXT_PASSWORD)))
        self._flush()
        answer = wire.read_message(self._reader)
        if answer is None:
            return False
        password = answer[1].rstrip(b"\0").decode()
        if not self._owner.warehouse.password_matches(self._user, password):
            return self._refuse_login("28P01", f'password authentication failed for user "{self._user}"')
        if self._database not in self._owner.warehouse.databases():
            return self._refuse_login("3D000", f'database "{self._database}" does not exist')
        connection = self._connection = self._owner.warehouse.session(self._database, user=self._user)
        connection.autocommit = True
        connection.add_notice_handler(self._notice)
        self.pid = connection.info.backend_pid
        self._send(wire.message(b"R", struct.pack(">i", _AUTHENTICATION_OK)))
        for name in ("server_version", "server_encoding", "client_encoding", "DateStyle", "integer_datetimes",
                     "standard_conforming_strings", "TimeZone"):  # fmt: skip
            value = connection.info.parameter_status(name) or ""
            self._send(wire.message(b"S", name.encode() + b"\0" + value.encode() + b"\0"))
        self._send(wire.message(b"K", struct.pack(">ii", self.pid, self.key)))
        self._ready()
        return True

    def _refuse_login(self, code: str, text: str) -> bool:
        self._send(wire.error_or_notice(b"E", "FATAL", code, text))
        self._flush()
        return False

    # Messages

    def _serve(self) -> None:
        skip_to_sync = False
        while (found := wire.read_message(self._reader)) is not None:
            kind, body = found
            if kind == b"X":
                return
            if kind == b"S":
                skip_to_sync = False
                self._ready()
            elif kind == b"H":
                self._flush()
            elif not skip_to_sync:
                try:
                    self._handle(kind, body)
                except _SessionError as error:
                    self._send(wire.error_or_notice(b"E", "ERROR", error.code, str(error)))
                    if self._transaction is not None:
                        self._fail_transaction()
                    skip_to_sync = kind != b"Q"
                if kind == b"Q":
                    self._ready()

    def _handle(self, kind: bytes, body: bytes) -> None:
        match kind:
            case b"Q":
                self._simple_query(body[:-1].decode())
            case b"P":
                name, text, types = wire.parse_message(body)
                self._prepared[name] = _Prepared(text, types, self._translated(text))
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
                raise _SessionError("08P01", f"message {kind!r} is not supported by the local Redshift")

    def _simple_query(self, text: str) -> None:
        try:
            parts = split_statements(text)
        except SqlNotSupported as error:
            raise _SessionError("42601", str(error)) from None
        if not parts:
            self._send(wire.message(b"I"))
        texts = [text] if len(parts) == 1 else [text[part[0].start : part[-1].end + 1] for part in parts]
        statements = [_Prepared(one, (), self._translated(one)) for one in texts]
        # Several statements in one message are one transaction, unless they contain BEGIN or COMMIT.
        together = len(parts) > 1 and self._transaction is None and all(one.statement for one in statements)
        if together:
            self._change_transaction("BEGIN")
        try:
            for one in statements:
                outcome = self._perform(one, None)
                if outcome.fields:
                    self._send(wire.row_description(outcome.fields, (wire.TEXT,) * len(outcome.fields)))
                for row in outcome.rows:
                    self._send(wire.data_row(row))
                self._send(wire.message(b"C", outcome.tag + b"\0"))
        except _SessionError:
            if together:
                self._change_transaction("ROLLBACK")
            raise
        if together:
            self._change_transaction("COMMIT")

    def _describe(self, kind: bytes, name: bytes) -> None:
        if kind == b"P":
            portal = self._portal(name)
            outcome = self._outcome(portal)
            formats = wire.spread_formats(portal.bound.result_formats, len(outcome.fields))
            self._send(wire.row_description(outcome.fields, formats) if outcome.fields else wire.message(b"n"))
            return
        prepared = self._known(name)
        types, fields = self._described(prepared)
        self._send(wire.message(b"t", struct.pack(f">h{len(types)}I", len(types), *types)))
        self._send(wire.row_description(fields, (wire.TEXT,) * len(fields)) if fields else wire.message(b"n"))

    def _execute(self, portal: _Portal, limit: int) -> None:
        outcome = self._outcome(portal)
        formats = wire.spread_formats(portal.bound.result_formats, len(outcome.fields))
        end = len(outcome.rows) if limit <= 0 else min(portal.at + limit, len(outcome.rows))
        for row in outcome.rows[portal.at : end]:
            try:
                values = (
                    list(row)
                    if outcome.format == wire.BINARY
                    else [
                        wire.encoded(value, field.type, code)
                        for value, field, code in zip(row, outcome.fields, formats, strict=True)
                    ]
                )
            except wire.ProtocolError as error:
                raise _SessionError("0A000", f"{error} by the local Redshift") from None
            self._send(wire.data_row(values))
        portal.at = end
        suspended = end < len(outcome.rows)
        self._send(wire.message(b"s") if suspended else wire.message(b"C", outcome.tag + b"\0"))

    # Statements

    def _known(self, name: bytes) -> _Prepared:
        found = self._prepared.get(name)
        if found is None:
            raise _SessionError("26000", f'prepared statement "{name.decode()}" does not exist')
        return found

    def _portal(self, name: bytes) -> _Portal:
        found = self._portals.get(name)
        if found is None:
            raise _SessionError("34000", f'portal "{name.decode()}" does not exist')
        return found

    def _outcome(self, portal: _Portal) -> _Outcome:
        if portal.outcome is None:
            portal.outcome = self._perform(portal.prepared, portal.bound)
        return portal.outcome

    def _columns_of(self, schema: str | None, table: str) -> Mapping[str, SqlType | None] | None:
        connection = self._connected()
        failed = connection.info.transaction_status == pq.TransactionStatus.INERROR
        return None if failed else columns_of(connection, schema, table)

    def _translated(self, text: str) -> Statement | None:
        """Return the translation of a statement, or None for one of a transaction's own and for an empty one."""
        words = _words(text)
        if not words or any(pattern.fullmatch(words) for pattern in (_BEGIN, _COMMIT, _ROLLBACK)):
            return None
        if _reads_the_catalog(words):
            return Statement(words, returns_rows=True)
        try:
            named = _PARAMETER.sub(lambda found: f":p{found['number']}" if found["number"] else found[0], text)
            return translate(named, self._columns_of)
        except SqlNotSupported as error:
            raise _SessionError("0A000", str(error)) from None

    def _described(self, prepared: _Prepared) -> tuple[tuple[int, ...], list[wire.Field]]:
        """Return the types of a statement's parameters and its result's columns, as PostgreSQL infers them."""
        statement = prepared.statement
        if statement is None or not statement.text:
            return prepared.types, []
        connection = self._connected()
        order = _order(statement)
        given = [prepared.types[number - 1] if number <= len(prepared.types) else 0 for number in order]
        result = connection.pgconn.prepare(b"", statement.text.encode(), [_inferred(oid) for oid in given])
        self._check(result, statement)
        found = connection.pgconn.describe_prepared(b"")
        self._check(found, statement)
        types = [0] * max([len(prepared.types), *order])
        for at, number in enumerate(order):
            types[number - 1] = found.param_type(at)
        return tuple(types), _fields(found) if statement.returns_rows else []

    def _perform(self, prepared: _Prepared, bound: wire.Bound | None) -> _Outcome:
        words = _words(prepared.text)
        connection = self._connected()
        if prepared.statement is None:
            return self._change_transaction(words)
        if connection.info.transaction_status == pq.TransactionStatus.INERROR:
            raise _SessionError(
                "25P02", "current transaction is aborted, commands ignored until end of transaction block"
            )
        record = StatementRecord(
            id=f"{self.pid}:{next(self._numbers)}",
            database=self._database,
            workgroup=self._owner.workgroup_of(self._database, self._user),
            query=prepared.text,
            created_at=time.time(),
            db_user=self._user,
            pid=self.pid,
            query_id=self._owner.history.next_id(self._database),
        )
        try:
            outcome = self._in_transaction(prepared.statement, prepared.types, bound, record)
            record.status = "FINISHED"
            record.has_result = bool(outcome.fields)
            record.result_rows = len(outcome.rows)
            record.result_size = sum(len(value or b"") for row in outcome.rows for value in row)
            return outcome
        except _SessionError as error:
            record.status, record.error = "FAILED", f"ERROR: {error}"
            raise
        finally:
            self._owner.history.add(record, record.created_at, cancelled="cancelled on user" in (record.error or ""))

    def _in_transaction(
        self, statement: Statement, types: tuple[int, ...], bound: wire.Bound | None, record: StatementRecord
    ) -> _Outcome:
        connection = self._connected()
        alone = self._transaction is None
        transaction = self._transaction or Transaction(connection, self._owner.warehouse, self._database, alone=True)
        try:
            if alone:
                connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            transaction.prepare(statement, record)
            if statement.copy is not None:
                self._owner.copies.run(connection, statement, record, lambda: False)
                outcome = _Outcome([], [], b"COPY")
            elif statement.text:
                outcome = self._sent(statement, types, bound)
            else:
                outcome = _Outcome([], [], _words(record.query).split(None, 1)[0].upper().encode())
            if statement.text or statement.copy is not None:
                transaction.follow_up(statement)
            if alone or statement.commits:
                transaction.commit()
            if not alone and statement.commits:
                connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            return outcome
        except RethrownError as error:
            transaction.commit()
            raise _SessionError("P0001", str(error)) from None
        except (SqlNotSupported, OvertakenError, CopyError, psycopg.Error) as error:
            if alone:
                connection.rollback()
            raise _failure(error, statement) from None

    def _sent(self, statement: Statement, types: tuple[int, ...], bound: wire.Bound | None) -> _Outcome:
        connection = self._connected()
        order = _order(statement)
        values = bound.values if bound is not None else ()
        if order and max(order) > len(values):
            raise SqlNotSupported(f"there is no parameter ${max(order)}")
        requested = bound.result_formats if bound is not None else ()
        whole = wire.BINARY if requested and all(code == wire.BINARY for code in requested) else wire.TEXT
        connection.pgconn.send_query_params(
            statement.text.encode(),
            [values[number - 1] for number in order],
            [_inferred(types[number - 1]) if number <= len(types) else 0 for number in order],
            [bound.formats[number - 1] for number in order] if bound is not None else [],
            whole,
        )
        (result,) = connection.wait(generators.execute(connection.pgconn))  # unlike exec_params, it can be cancelled
        if result.status not in {pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK}:
            raise psycopg.errors.error_from_result(result)
        fields = _fields(result) if statement.returns_rows else []
        rows = [
            tuple(_copied(result.get_value(row, column)) for column in range(len(fields)))
            for row in range(result.ntuples)
            if fields
        ]
        return _Outcome(fields, rows, result.command_status or b"", whole)

    def _change_transaction(self, words: str) -> _Outcome:
        connection = self._connected()
        if _BEGIN.fullmatch(words):
            if self._transaction is None:
                connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
                self._transaction = Transaction(connection, self._owner.warehouse, self._database, alone=False)
            return _Outcome([], [], b"BEGIN")
        failed = connection.info.transaction_status == pq.TransactionStatus.INERROR
        self._transaction = None
        if _COMMIT.fullmatch(words) and not failed:
            try:
                connection.commit()
            except psycopg.Error as error:
                raise _failure(error, None) from None
            return _Outcome([], [], b"COMMIT")
        connection.rollback()
        return _Outcome([], [], b"ROLLBACK")

    def _fail_transaction(self) -> None:
        """Put the transaction into PostgreSQL's failed state after a refusal that PostgreSQL has not seen."""
        if self._connected().info.transaction_status == pq.TransactionStatus.INTRANS:
            with contextlib.suppress(psycopg.errors.DivisionByZero):
                self._connected().execute("SELECT 1/0")

    # Answers

    def _connected(self) -> psycopg.Connection[Any]:
        if self._connection is None:
            raise _SessionError("08003", "the connection does not exist")
        return self._connection

    @staticmethod
    def _check(result: PGresult, statement: Statement) -> None:
        if result.status not in {pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK}:
            raise _failure(psycopg.errors.error_from_result(result), statement)

    def _notice(self, notice: psycopg.errors.Diagnostic) -> None:
        self._send(
            wire.error_or_notice(
                b"N", notice.severity or "NOTICE", notice.sqlstate or "00000", notice.message_primary or ""
            )
        )

    def _ready(self) -> None:
        status = self._connected().info.transaction_status
        letter = {pq.TransactionStatus.INTRANS: b"T", pq.TransactionStatus.INERROR: _IN_ERROR}.get(status, b"I")
        self._send(wire.message(b"Z", letter))
        self._flush()

    def _send(self, data: bytes) -> None:
        self._writer.write(data)

    def _flush(self) -> None:
        self._writer.flush()


def _words(text: str) -> str:
    """Return a statement without comments around it and without its semicolon."""
    without = re.sub(r"^(\s|--[^\n]*(\n|$)|/\*.*?\*/)+", "", text, flags=re.DOTALL)
    return without.rstrip().rstrip(";").rstrip()


def _reads_the_catalog(words: str) -> bool:
    """Return whether a query reads only tables of ``pg_catalog`` that it names with their schema."""
    tables = [found["table"].lower() for found in _CATALOG_ONLY.finditer(words)]
    return (
        words[:6].lower() == "select"
        and bool(tables)
        and all(table == "(" or table.startswith("pg_catalog.") for table in tables)
        and any(table.startswith("pg_catalog.") for table in tables)
    )


def _order(statement: Statement) -> list[int]:
    """Return the client's numbers of a translated statement's parameters, in PostgreSQL's order."""
    return [int(name[1:]) for name in statement.parameters]


def _inferred(oid: int) -> int:
    """Return a parameter's type for PostgreSQL, which infers unknown ones (705)."""
    return 0 if oid == 705 else oid


def _copied(value: Any) -> bytes | None:
    return None if value is None else bytes(value)


def _fields(result: PGresult) -> list[wire.Field]:
    return [
        wire.Field(
            result.fname(at) or b"", result.ftable(at), result.ftablecol(at), result.ftype(at), result.fsize(at),
            result.fmod(at),
        )
        for at in range(result.nfields)
    ]  # fmt: skip


def _failure(error: Exception, statement: Statement | None) -> _SessionError:
    if isinstance(error, psycopg.Error):
        table = statement.writes.name if statement is not None and statement.writes is not None else None
        return _SessionError(error.sqlstate or "XX000", redshift_error(error, table).removeprefix("ERROR: "))
    code = "40001" if isinstance(error, OvertakenError) else "0A000" if isinstance(error, SqlNotSupported) else "XX000"
    return _SessionError(code, str(error).removeprefix("ERROR: "))
