"""The journal of every request that changed moto's state, so that the state outlives the process.

It is one SQLite file. A request is written after moto carried it out and before its answer is sent: what a caller was told
is there after a kill -9. (WAL with synchronous=NORMAL: a crash of the process loses nothing; a power cut may lose the last
moments, but never leaves a broken file.)
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sqlite3
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

FORMAT = "1"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS written_by (what TEXT PRIMARY KEY, version TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS entry (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, seed INTEGER NOT NULL, service TEXT NOT NULL, operation TEXT NOT NULL,
    method TEXT NOT NULL, raw_path TEXT NOT NULL, query TEXT NOT NULL, headers TEXT NOT NULL, body BLOB NOT NULL
);
"""


class StateVersionError(Exception):
    """The state was written by other versions and cannot be replayed."""


@dataclasses.dataclass(frozen=True)
class Entry:
    """One request that changed moto's state, with all that its repetition needs.

    Attributes:
        at: The moment that moto saw, in seconds since 1970.
        seed: The seed of the random numbers that moto saw.
        service: The signing name of the service.
        operation: The name of the operation.
        method: The HTTP method.
        raw_path: The path as it was sent, percent-encoded.
        query: The query string as it was sent.
        headers: The headers as they were sent.
        body: The request's body.
    """

    at: float
    seed: int
    service: str
    operation: str
    method: str
    raw_path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Journal:
    """The journal's file. Calls must be serialised by the caller.

    Args:
        path: The SQLite file; it is created when it is not there.

    Raises:
        StateVersionError: The file was written by another version of moto or of this format.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.executescript(_SCHEMA)
        path.chmod(0o600)  # it holds the secrets' values
        try:
            self._check_versions()
        except StateVersionError:
            self._database.close()
            raise

    def _check_versions(self) -> None:
        ours = {"journal format": FORMAT, "moto": version("moto")}
        theirs = dict(self._database.execute("SELECT what, version FROM written_by"))
        if not theirs:
            self._database.executemany("INSERT INTO written_by VALUES (?, ?)", ours.items())
        elif theirs != ours:
            raise StateVersionError(
                f"The state in {self.path.parent} was written by {_words(theirs)}, this is {_words(ours)}, and one cannot "
                "replay what the other wrote. Run `make clean` to begin with an empty state."
            )

    def append(self, entry: Entry) -> None:
        """Write one entry; when this returns, the entry outlives the process."""
        self._database.execute(
            "INSERT INTO entry (at, seed, service, operation, method, raw_path, query, headers, body)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                entry.at,
                entry.seed,
                entry.service,
                entry.operation,
                entry.method,
                entry.raw_path,
                entry.query,
                json.dumps(entry.headers),
                entry.body,
            ),
        )

    def __iter__(self) -> Iterator[Entry]:
        """Give the entries in the order in which they were written."""
        rows = self._database.execute(
            "SELECT at, seed, service, operation, method, raw_path, query, headers, body FROM entry ORDER BY id"
        )
        for at, seed, service, operation, method, raw_path, query, headers, body in rows:
            pairs = tuple((name, value) for name, value in json.loads(headers))
            yield Entry(at, seed, service, operation, method, raw_path, query, pairs, body)

    def __len__(self) -> int:
        """Return the number of entries."""
        count: int = self._database.execute("SELECT count(*) FROM entry").fetchone()[0]
        return count

    def close(self) -> None:
        """Close the file."""
        with contextlib.suppress(sqlite3.ProgrammingError):
            self._database.close()


def _words(versions: dict[str, str]) -> str:
    return " and ".join(f"{what} {number}" for what, number in sorted(versions.items()))
