r"""The warehouse's TCP port: accepts clients, signs them in, and passes the messages of each to its session.

psql, psycopg, redshift_connector and other clients of PostgreSQL's protocol 3 connect here. Their statements go through
the same translation, locks, snapshots and COPY as those of the Data API. TLS is refused, so redshift_connector needs
``ssl=False``. Queries of tables in ``pg_catalog`` only, such as those behind psql's ``\d``, run unchanged.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import socket
import struct
import threading
from collections.abc import Callable
from typing import IO

import psycopg

from local_aws.ports import bound_socket
from local_aws.redshift import wire_protocol as wire
from local_aws.redshift.copy_runner import CopyRunner
from local_aws.redshift.query_history import QueryHistory
from local_aws.redshift.warehouse import Warehouse
from local_aws.redshift.warehouse_session import Session

logger = logging.getLogger(__name__)

_AUTHENTICATION_OK, _CLEARTEXT_PASSWORD = 0, 3
_LONGEST_PASSWORD_BYTES = 10_000
_RETRY_ACCEPT_SECONDS = 0.2
_REPORTED_SETTINGS = (
    "server_version", "server_encoding", "client_encoding", "DateStyle", "integer_datetimes",
    "standard_conforming_strings", "TimeZone",
)  # fmt: skip


class _LoginRefusedError(Exception):
    """A client may not sign in, with PostgreSQL's code and message."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class WarehousePort:
    """Listens on the warehouse's port. Use it as a context manager.

    Args:
        warehouse: A started warehouse.
        port: The TCP port.
        host: Its address, or ``0.0.0.0`` for all addresses of this machine.
        copies: Runs the COPY statements.
        workgroup_of: Takes a database and a user and returns the workgroup for which a COPY assumes its role.
        longest_execution: Takes a workgroup and returns the seconds after which its statements are aborted
            (max_query_execution_time).
        login_seconds: How long a client may take for each message until it has signed in, like PostgreSQL's
            authentication_timeout.

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
        longest_execution: Callable[[str], float] = lambda _workgroup: 14400.0,
        login_seconds: float = 60.0,
    ) -> None:
        self.warehouse = warehouse
        self.copies = copies
        self.workgroup_of = workgroup_of
        self.longest_execution = longest_execution
        self.login_seconds = login_seconds
        self.history = QueryHistory(warehouse)
        self._listener = bound_socket(port, host)
        self._clients: set[_Client] = set()
        self._lock = threading.Lock()
        self._closing = threading.Event()

    def __enter__(self) -> WarehousePort:
        self._listener.listen()
        threading.Thread(target=self._accept, name="warehouse-port", daemon=True).start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._closing.set()
        # close() alone would not wake the thread in accept().
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            clients = list(self._clients)
        for client in clients:
            client.end()
        for client in clients:
            client.thread.join(5)
        self.history.close()

    def _accept(self) -> None:
        while True:
            try:
                accepted, _address = self._listener.accept()
            except OSError as error:
                # Such as too many open files. Other clients may end.
                if self._closing.wait(_RETRY_ACCEPT_SECONDS):
                    return
                logger.warning("the warehouse's port cannot accept a client: %s", error)
                continue
            client = _Client(self, accepted)
            with self._lock:
                self._clients.add(client)
            client.thread.start()

    def forget(self, client: _Client) -> None:
        """Forget a client that is gone."""
        with self._lock:
            self._clients.discard(client)

    def cancel(self, pid: int, key: int) -> None:
        """Cancel the statement of the client with this process and this key."""
        with self._lock:
            found = [client for client in self._clients if client.key == key and client.pid == pid]
        for client in found:
            client.cancel()


class _Client:
    """A client's connection: its login, and then its session."""

    def __init__(self, owner: WarehousePort, accepted: socket.socket) -> None:
        self._owner = owner
        self._socket = accepted
        self._reader: IO[bytes] = accepted.makefile("rb")
        self._writer: IO[bytes] = accepted.makefile("wb")
        self._session: Session | None = None
        self.key = secrets.randbits(31)
        self.pid = 0
        self.thread = threading.Thread(target=self._run, name="warehouse-session", daemon=True)

    def end(self) -> None:
        """End the session from another thread."""
        self.cancel()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def cancel(self) -> None:
        """Cancel the running statement."""
        if self._session is not None:
            self._session.cancel()

    def _run(self) -> None:
        try:
            self._socket.settimeout(self._owner.login_seconds)
            self._session = self._sign_in()
            if self._session is not None:
                self._socket.settimeout(None)
                self._serve(self._session)
        except _LoginRefusedError as refusal:
            self._end_with(refusal.code, str(refusal))
        except psycopg.Error as error:
            logger.warning("a session of the warehouse's port has lost PostgreSQL: %s", error)
            self._end_with("57P01", "terminating connection due to administrator command")
        except (OSError, ValueError, wire.ProtocolError, struct.error) as error:
            logger.debug("a client of the warehouse's port is gone: %s", error)
        finally:
            self._owner.forget(self)
            if self._session is not None:
                self._session.close()
            # The socket stays open until its files are closed, and a client that cancels waits for that.
            for part in (self._writer, self._reader, self._socket):
                with contextlib.suppress(OSError):
                    part.close()

    def _serve(self, session: Session) -> None:
        while (found := wire.read_message(self._reader)) is not None and found[0] != b"X":
            if session.handle(*found):
                self._writer.flush()

    def _sign_in(self) -> Session | None:
        """Return the session of a client that has signed in, or None if it is gone.

        Raises:
            _LoginRefusedError: The client may not sign in.
        """
        startup = self._startup()
        if startup is None:
            return None
        code, body = startup
        if code >> 16 != wire.VERSION_3:
            raise _LoginRefusedError("0A000", f"unsupported frontend protocol {code >> 16}.{code & 0xFFFF}")
        if code & 0xFFFF:
            self._writer.write(wire.message(b"v", struct.pack(">ii", 0, 0)))
        words = wire.strings(body)
        settings = dict(zip(words[::2], words[1::2], strict=False))
        user = settings.get("user", "")
        database = settings.get("database") or user
        if settings.get("options"):
            raise _LoginRefusedError("0A000", "options of a connection are not supported by the local Redshift")
        self._writer.write(wire.message(b"R", struct.pack(">i", _CLEARTEXT_PASSWORD)))
        self._writer.flush()
        answer = wire.read_message(self._reader, longest=_LONGEST_PASSWORD_BYTES)
        if answer is None:
            return None
        password = answer[1].rstrip(b"\0").decode()
        warehouse = self._owner.warehouse
        if not warehouse.password_matches(user, password):
            raise _LoginRefusedError("28P01", f'password authentication failed for user "{user}"')
        if database not in warehouse.databases():
            raise _LoginRefusedError("3D000", f'database "{database}" does not exist')
        return self._open_session(database, user)

    def _startup(self) -> tuple[int, bytes] | None:
        """Return the client's startup message. Requests before it are answered."""
        while (first := wire.read_startup(self._reader)) is not None:
            code, body = first
            if code in {wire.SSL_REQUEST, wire.GSS_REQUEST}:
                self._writer.write(b"N")  # no TLS; the client continues without, or gives up
                self._writer.flush()
                continue
            if code == wire.CANCEL_REQUEST:
                self._owner.cancel(*struct.unpack(">ii", body[:8]))
                return None
            break
        return first

    def _open_session(self, database: str, user: str) -> Session:
        connection = self._owner.warehouse.session(database, user=user)
        connection.autocommit = True
        workgroup = self._owner.workgroup_of(database, user)
        session = Session(
            self._owner.warehouse, connection, database=database, user=user, workgroup=workgroup,
            copies=self._owner.copies, history=self._owner.history,
            longest_seconds=lambda: self._owner.longest_execution(workgroup), send=self._writer.write,
        )  # fmt: skip
        self.pid = connection.info.backend_pid
        self._writer.write(wire.message(b"R", struct.pack(">i", _AUTHENTICATION_OK)))
        for name in _REPORTED_SETTINGS:
            value = connection.info.parameter_status(name) or ""
            self._writer.write(wire.message(b"S", name.encode() + b"\0" + value.encode() + b"\0"))
        self._writer.write(wire.message(b"K", struct.pack(">ii", self.pid, self.key)))
        session.ready()
        self._writer.flush()
        return session

    def _end_with(self, code: str, text: str) -> None:
        with contextlib.suppress(OSError):
            self._writer.write(wire.error_or_notice(b"E", "FATAL", code, text))
            self._writer.flush()
