"""Stores the Data API's statements and their results for 24 hours, across restarts, in one SQLite file."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from local_aws.redshift.result_columns import ResultSet, Row

KEPT_SECONDS = 24 * 3600
PAGE_ROWS = 1000
ACTIVE = ("SUBMITTED", "PICKED", "STARTED")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS statements (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, parent TEXT, facts TEXT NOT NULL,
    status TEXT NOT NULL, client_token TEXT, created_at REAL NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS statements_by_token ON statements (client_token) WHERE client_token IS NOT NULL;
CREATE INDEX IF NOT EXISTS statements_by_parent ON statements (parent);
CREATE TABLE IF NOT EXISTS results (id TEXT NOT NULL, page INTEGER NOT NULL, rows TEXT NOT NULL,
    PRIMARY KEY (id, page));
"""


@dataclasses.dataclass
class StatementRecord:
    """A statement, a statement of a batch (its id is ``<batch id>:<number>``), or a batch.

    Times are in seconds since the epoch, and ``duration`` is in nanoseconds. ``owner`` is the aws:userid of the caller
    that submitted it.
    """

    id: str
    database: str
    workgroup: str
    query: str
    created_at: float
    secret_arn: str | None = None
    db_user: str = ""
    owner: str = ""
    name: str | None = None
    parameters: list[dict[str, str]] = dataclasses.field(default_factory=list)
    parent: str | None = None
    batch: list[str] | None = None
    status: str = "SUBMITTED"
    updated_at: float = 0.0
    duration: int = -1
    error: str | None = None
    has_result: bool = False
    result_rows: int = -1
    result_size: int = -1
    query_id: int = 0
    pid: int = 0
    query_label: str = "default"
    columns: list[dict[str, Any]] | None = None
    fingerprint: str = ""

    @property
    def active(self) -> bool:
        """Whether it has not ended yet."""
        return self.status in ACTIVE


class StatementStore:
    """Statements and results in a SQLite file. Safe for use by many threads.

    Args:
        path: The file. It is created if it does not exist.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def add(self, records: list[StatementRecord], client_token: str | None = None) -> StatementRecord | None:
        """Store new statements: a statement, or a batch followed by its statements.

        Returns:
            The statement that already has the client token, if there is one; nothing is added then. Otherwise None.
        """
        with self._transaction() as connection:
            if client_token is not None:
                found = connection.execute(
                    "SELECT facts FROM statements WHERE client_token = ?", [client_token]
                ).fetchone()
                if found:
                    return _record(found[0])
            for record in records:
                record.updated_at = record.created_at
                cursor = connection.execute(
                    "INSERT INTO statements (id, parent, facts, status, client_token, created_at)"
                    " VALUES (?, ?, '{}', ?, ?, ?)",
                    [
                        record.id,
                        record.parent,
                        record.status,
                        None if record.parent else client_token,
                        record.created_at,
                    ],
                )
                record.query_id = 1000 + (cursor.lastrowid or 0)
                self._write(connection, record)
        return None

    def save(self, record: StatementRecord, result: ResultSet | None = None) -> None:
        """Store a statement's current state, and its result if there is one."""
        record.updated_at = max(time.time(), record.updated_at)
        if result is not None:
            self.save_rows(record.id, result)
        with self._transaction() as connection:
            self._write(connection, record)

    def save_rows(self, statement_id: str, result: ResultSet) -> None:
        """Store a result. It becomes visible when the statement's ``has_result`` is stored."""
        with self._transaction() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO results (id, page, rows) VALUES (?, ?, ?)",
                (
                    (statement_id, page, json.dumps(result.rows[start : start + PAGE_ROWS]))
                    for page, start in enumerate(range(0, len(result.rows), PAGE_ROWS))
                ),
            )

    @staticmethod
    def _write(connection: sqlite3.Connection, record: StatementRecord) -> None:
        connection.execute(
            "UPDATE statements SET facts = ?, status = ? WHERE id = ?",
            [json.dumps(dataclasses.asdict(record)), record.status, record.id],
        )

    def get(self, statement_id: str) -> StatementRecord | None:
        """Return a statement of the last 24 hours, or None."""
        with self._lock:
            found = self._connection.execute(
                "SELECT facts FROM statements WHERE id = ? AND created_at >= ?",
                [statement_id, time.time() - KEPT_SECONDS],
            ).fetchone()
        return _record(found[0]) if found else None

    def children(self, statement_id: str) -> list[StatementRecord]:
        """Return the statements of a batch in their order."""
        with self._lock:
            found = self._connection.execute(
                "SELECT facts FROM statements WHERE parent = ? ORDER BY number", [statement_id]
            ).fetchall()
        return [_record(row[0]) for row in found]

    def unfinished(self) -> list[StatementRecord]:
        """Return the statements and batches that have not ended."""
        with self._lock:
            found = self._connection.execute(
                "SELECT facts FROM statements WHERE parent IS NULL AND status IN (?, ?, ?) ORDER BY number", ACTIVE
            ).fetchall()
        return [_record(row[0]) for row in found]

    def page(self, statement_id: str, page: int) -> list[Row]:
        """Return one page of a result."""
        with self._lock:
            found = self._connection.execute(
                "SELECT rows FROM results WHERE id = ? AND page = ?", [statement_id, page]
            ).fetchone()
        rows: list[Row] = json.loads(found[0]) if found else []
        return rows

    def recent(self) -> list[StatementRecord]:
        """Return the statements and batches of the last 24 hours, newest first."""
        with self._lock:
            found = self._connection.execute(
                "SELECT facts FROM statements WHERE parent IS NULL AND created_at >= ? ORDER BY number DESC",
                [time.time() - KEPT_SECONDS],
            ).fetchall()
        return [_record(row[0]) for row in found]

    def forget_old(self) -> None:
        """Delete statements and results that are older than 24 hours."""
        oldest = time.time() - KEPT_SECONDS
        with self._transaction() as connection:
            connection.execute(
                "DELETE FROM results WHERE id IN (SELECT id FROM statements WHERE created_at < ?)", [oldest]
            )
            connection.execute("DELETE FROM statements WHERE created_at < ?", [oldest])


def _record(facts: str) -> StatementRecord:
    return StatementRecord(**json.loads(facts))
