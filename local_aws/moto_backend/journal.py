"""The journal of every request that changed moto's state, so that the state survives the process.

It is one SQLite file. A request is written after moto executed it and before its response is sent, so an
acknowledged change survives ``kill -9``. (WAL with synchronous=NORMAL: a crash of the process loses nothing. A power
failure may lose the last moments, but never corrupts the file.)
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sqlite3
import time
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path

from local_aws.protocol.http_request import HttpRequest

FORMAT = "1"
START_EMPTY = "To start with an empty state, delete the state directory and start again."

_SCHEMA = """
CREATE TABLE IF NOT EXISTS written_by (what TEXT PRIMARY KEY, version TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS beginning (at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS entry (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, seed INTEGER NOT NULL, service TEXT NOT NULL, operation TEXT NOT NULL,
    method TEXT NOT NULL, raw_path TEXT NOT NULL, query TEXT NOT NULL, headers TEXT NOT NULL, body BLOB NOT NULL
);
"""


class StateVersionError(Exception):
    """The state was written by other versions and cannot be replayed."""


@dataclasses.dataclass(frozen=True)
class Entry:
    """One request that changed moto's state, with the environment that its repetition needs.

    Attributes:
        at: The time that moto saw, in seconds since 1970.
        seed: The seed of the random numbers that moto saw.
        service: The signing name of the service.
        operation: The name of the operation.
        request: The request.
    """

    at: float
    seed: int
    service: str
    operation: str
    request: HttpRequest


class Journal:
    """The journal's file. The caller must serialize calls.

    Args:
        path: The SQLite file. It is created if it does not exist.

    Attributes:
        began_at: When the state began, in seconds since 1970.

    Raises:
        StateVersionError: The file was written by a different version of moto or of this format.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.executescript(_SCHEMA)
        path.chmod(0o600)  # it contains the values of secrets
        try:
            self._check_versions()
        except StateVersionError:
            self._database.close()
            raise
        self.began_at: float = self._database.execute("SELECT at FROM beginning").fetchone()[0]

    def _check_versions(self) -> None:
        ours = {"journal format": FORMAT, "moto": version("moto")}
        theirs = dict(self._database.execute("SELECT what, version FROM written_by"))
        if not theirs:
            self._database.execute("BEGIN")
            self._database.executemany("INSERT INTO written_by VALUES (?, ?)", ours.items())
            self._database.execute("INSERT INTO beginning VALUES (?)", (round(time.time(), 6),))
            self._database.execute("COMMIT")
        elif theirs != ours:
            raise StateVersionError(
                f"the state in {self.path.parent} was written by {_words(theirs)}, but this is {_words(ours)}: the "
                f"versions are incompatible. {START_EMPTY}"
            )

    def append(self, entry: Entry) -> int:
        """Write one entry. When this returns, the entry survives the process.

        Returns:
            The entry's number.
        """
        sent = entry.request
        cursor = self._database.execute(
            "INSERT INTO entry (at, seed, service, operation, method, raw_path, query, headers, body)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(entry.at, entry.seed, entry.service, entry.operation),
                *(sent.method, sent.raw_path, sent.query, json.dumps(sent.headers), sent.body),
            ),
        )
        assert cursor.lastrowid is not None  # noqa: S101 - an INSERT has one
        return cursor.lastrowid

    def entries(self, *, after: int = 0, of_these: Iterable[str] = ()) -> Iterator[tuple[int, Entry]]:
        """Yield entries with their numbers, in the order of writing.

        Args:
            after: Skip entries up to and including this number …
            of_these: … if they belong to one of these services.
        """
        rows = self._database.execute(
            "SELECT id, at, seed, service, operation, method, raw_path, query, headers, body FROM entry"
            " WHERE id > ? OR service NOT IN (SELECT value FROM json_each(?)) ORDER BY id",
            (after, json.dumps(list(of_these))),
        )
        for number, at, seed, service, operation, method, raw_path, query, headers, body in rows:
            pairs = tuple((name, value) for name, value in json.loads(headers))
            yield number, Entry(at, seed, service, operation, HttpRequest(method, raw_path, query, pairs, body))

    def last_number(self) -> int:
        """Return the number of the last entry, or 0 if there is none."""
        number: int | None = self._database.execute("SELECT max(id) FROM entry").fetchone()[0]
        return number or 0

    def last_moment(self) -> float:
        """Return the time of the last entry, or of the beginning if there is none."""
        row = self._database.execute("SELECT at FROM entry ORDER BY id DESC LIMIT 1").fetchone()
        return self.began_at if row is None else float(row[0])

    def close(self) -> None:
        """Close the file."""
        with contextlib.suppress(sqlite3.ProgrammingError):
            self._database.close()


def _words(versions: dict[str, str]) -> str:
    return " and ".join(f"{what} {number}" for what, number in sorted(versions.items()))
