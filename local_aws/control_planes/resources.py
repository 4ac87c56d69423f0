"""Keeps the control planes' resources in SQLite, so that they survive a restart, and advances their statuses."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from local_aws.protocol.errors import AwsError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS resource (kind TEXT, name TEXT, document TEXT NOT NULL, PRIMARY KEY (kind, name));
"""

Document = dict[str, Any]


def system_clock() -> dt.datetime:
    """Return the current time."""
    return dt.datetime.now(dt.UTC)


class Resources:
    """Documents by kind and name.

    Args:
        path: The SQLite file; several control planes may share it.
        now: Returns the current time, with a time zone.
        pending_seconds: How long a resource stays CREATING, MODIFYING, UPDATING or DELETING.
    """

    def __init__(
        self, path: Path, *, now: Callable[[], dt.datetime] = system_clock, pending_seconds: float = 0.2
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.lock = threading.RLock()
        self.now = now
        self._pending = dt.timedelta(seconds=pending_seconds)
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.executescript(_SCHEMA)
        path.chmod(0o600)

    def put(self, kind: str, name: str, document: Document, *, pending: str | None = None) -> None:
        """Write a document.

        Args:
            kind: The kind of the resource, for example ``namespace``.
            name: Its name.
            document: Its properties, which must be valid JSON.
            pending: A status that the resource has for a short time, before it has the document's status.
        """
        stored: dict[str, Any] = {"document": document}
        if pending is not None:
            stored |= {"pending": pending, "until": (self.now() + self._pending).timestamp()}
        with self.lock:
            self._database.execute("INSERT OR REPLACE INTO resource VALUES (?, ?, ?)", (kind, name, json.dumps(stored)))

    def get(self, kind: str, name: str) -> Document | None:
        """Return a document with its current status, or None if it does not exist."""
        with self.lock:
            row = self._database.execute(
                "SELECT document FROM resource WHERE kind = ? AND name = ?", (kind, name)
            ).fetchone()
            return None if row is None else self._current(kind, name, json.loads(row[0]))

    def all(self, kind: str) -> list[Document]:
        """Return the documents of a kind, sorted by name."""
        with self.lock:
            rows = self._database.execute(
                "SELECT name, document FROM resource WHERE kind = ? ORDER BY name", (kind,)
            ).fetchall()
            found = [self._current(kind, name, json.loads(text)) for name, text in rows]
        return [document for document in found if document is not None]

    def remove(self, kind: str, name: str) -> None:
        """Remove a document immediately."""
        with self.lock:
            self._database.execute("DELETE FROM resource WHERE kind = ? AND name = ?", (kind, name))

    def close(self) -> None:
        """Close the file."""
        with self.lock:
            self._database.close()

    def _current(self, kind: str, name: str, stored: dict[str, Any]) -> Document | None:
        document: Document = stored["document"]
        pending = stored.get("pending")
        if pending is None:
            return document
        if self.now().timestamp() < stored["until"]:
            return {**document, "status": pending}
        if pending == "DELETING":
            self.remove(kind, name)
            return None
        return document


def page(items: Sequence[Any], *, limit: int, token: str | None) -> tuple[list[Any], str | None]:
    """Return one page of a listing.

    Args:
        items: The whole listing.
        limit: Maximum number of items per page.
        token: The token that came with the previous page.

    Returns:
        The page's items, and the token of the next page or None on the last page.

    Raises:
        AwsError: ValidationException if this service did not issue the token.
    """
    start = 0
    if token:
        try:
            start = int(base64.urlsafe_b64decode(token).decode().removeprefix("next page at "))
        except (ValueError, binascii.Error):
            raise AwsError("ValidationException", "The nextToken was not issued by this service.") from None
    end = start + limit
    following = base64.urlsafe_b64encode(f"next page at {end}".encode()).decode() if end < len(items) else None
    return list(items[start:end]), following
