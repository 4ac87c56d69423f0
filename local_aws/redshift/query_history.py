"""Records the statements that have ended for SYS_QUERY_HISTORY.

The columns: https://docs.aws.amazon.com/redshift/latest/dg/SYS_QUERY_HISTORY.html
A row is written outside the statement's transaction, because a statement that fails has one, too. Statements that are
running have none.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

import psycopg

from local_aws.redshift.statement_store import StatementRecord
from local_aws.redshift.warehouse import Warehouse

logger = logging.getLogger(__name__)

USER_ID = 100
_MAX_QUERY_TEXT = 4000
_MAX_ERROR = 512
_LONGEST_WAIT = "2s"  # a row that waits longer for a lock is left out, because all other rows wait behind it
_OWN_TYPES = ("SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "COPY")
_TYPES = {
    "WITH": "SELECT", "CREATE": "DDL", "ALTER": "DDL", "DROP": "DDL", "TRUNCATE": "DDL", "GRANT": "DDL",
    "REVOKE": "DDL", "COMMENT": "DDL",
}  # fmt: skip


def query_type(text: str) -> str:
    """Return a statement's query_type, from its words."""
    words = text.replace("(", " ").upper().split()
    if words[:2] == ["CREATE", "TABLE"] and "AS" in words and "SELECT" in words:
        return "CTAS"
    first = words[0] if words else ""
    return first if first in _OWN_TYPES else _TYPES.get(first, "UTILITY")


class QueryHistory:
    """The rows of SYS_QUERY_HISTORY. Safe for use by many threads.

    Args:
        warehouse: The warehouse. One connection per database stays open.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._lock = threading.Lock()
        self._connections: dict[str, psycopg.Connection[Any]] = {}

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            for connection in self._connections.values():
                connection.close()
            self._connections.clear()

    def add(self, record: StatementRecord, began: float, ended: float | None = None, *, cancelled: bool) -> None:
        """Add a statement that has ended. Its transaction should have ended, too, because its locks may be in the way.

        Args:
            record: The statement.
            began: When it began, in seconds since the epoch.
            ended: When it ended; by default now.
            cancelled: Whether it was cancelled.
        """
        ended = time.time() if ended is None else ended
        status = "success" if record.status == "FINISHED" else "canceled" if cancelled else "failed"
        elapsed = int((ended - began) * 1e6)
        row = [
            USER_ID, record.query_id, record.query_label, None, record.pid, record.database,
            query_type(record.query), status, False, began, ended, elapsed, 0, elapsed,
            (record.error or "")[:_MAX_ERROR] or None,
            max(record.result_rows, 0) if record.has_result else 0, max(record.result_size, 0),
            record.query[:_MAX_QUERY_TEXT], record.db_user or None,
        ]  # fmt: skip
        with self._lock:
            try:
                try:
                    self._insert(record.database, row)
                except psycopg.OperationalError:
                    broken = self._connections.pop(record.database, None)
                    if broken is not None:
                        broken.close()
                    self._insert(record.database, row)
            except psycopg.Error as failure:  # such as a database that was dropped
                logger.info("SYS_QUERY_HISTORY lacks the query %s: %s", record.query_id, failure)

    def next_id(self, database: str) -> int:
        """Return the query id of a statement that has none from the Data API."""
        with self._lock:
            row = self._connected(database).execute("SELECT nextval('redshift_records.query_ids')").fetchone()
        return int(row[0]) if row else 0

    def _connected(self, database: str) -> psycopg.Connection[Any]:
        connection = self._connections.get(database)
        if connection is None or connection.closed:
            connection = self._connections[database] = self._warehouse.connect(
                database, autocommit=True, options=f"-c lock_timeout={_LONGEST_WAIT}"
            )
        return connection

    def _insert(self, database: str, row: list[Any]) -> None:
        self._connected(database).execute(
            "INSERT INTO redshift_records.query_history VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s,"
            " to_timestamp(%s) AT TIME ZONE 'UTC', to_timestamp(%s) AT TIME ZONE 'UTC',"
            " %s, %s, %s, %s, %s, %s, %s, %s)",
            row,
        )
