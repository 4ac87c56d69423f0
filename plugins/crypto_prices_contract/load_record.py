"""The load record: what a committed load or removal was made of. It stays in the lake when the warehouse is lost.

There is one record per load number, from 1 without a gap. Records are written in this order after the commit, and never
changed. Each names the hash of the one before, so a changed or exchanged record is noticed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, TypeVar

from crypto_prices_contract import s3_keys
from crypto_prices_contract.stored_objects import CuratedFile, StoredDocument, StoredObject
from crypto_prices_contract.window import Window, WindowError

RECORD_VERSION = 1

_Part = TypeVar("_Part")


class LoadRecordError(ValueError):
    """A document is not a usable load record. The message names the record and the problem."""


@dataclass(frozen=True)
class Counts:
    """Records of one source. fetched = curated + quarantined + duplicates.

    Attributes:
        fetched: Number of records in the raw manifest, without the surplus.
        curated: Number of rows that the load staged and merged.
        quarantined: Number of rejected records.
        duplicates: Number of records that repeat another one.
    """

    fetched: int
    curated: int
    quarantined: int
    duplicates: int


@dataclass(frozen=True)
class Acceptance:
    """A user's decision to load a source although too many of its records were rejected.

    Attributes:
        by: The user.
        because: The reason.
    """

    by: str
    because: str


@dataclass(frozen=True)
class RecordedSource:
    """One source of a load: a row of ``crypto.load_log``, and the objects behind it.

    Attributes:
        source: Name of the source.
        candle_interval: Length of a candle, such as ``1h``.
        market_set: Name of the set of ``markets`` in ``crypto.market_sets``.
        markets: Canonical names of the markets that the load replaced, such as ``BTC/USDT``, in order.
        fetched_at: When the fetch ended, ISO 8601 UTC; None for a removal.
        content_hash: The manifest's content hash; None for a removal.
        raw_manifest: The raw manifest; None for a removal.
        objects: The raw objects and listings of the manifest, in its order: objects, then listings.
        counts: None for a removal, or if the curation report was missing.
        accepted: The user's acceptance of rejected records; None if there was none.
    """

    source: str
    candle_interval: str
    market_set: str
    markets: tuple[str, ...]
    fetched_at: str | None
    content_hash: str | None
    raw_manifest: StoredDocument | None
    objects: tuple[StoredObject, ...]
    counts: Counts | None
    accepted: Acceptance | None


@dataclass(frozen=True)
class Code:
    """The digests of the code that made the load (see ``code_digest.code_digest``).

    Attributes:
        dags: Of the DAG files and ``sql/``.
        plugins: Of the packages in ``plugins/``.
        glue: Of the Glue job's packages.
    """

    dags: str
    plugins: str
    glue: str


@dataclass(frozen=True)
class Removal:
    """A removal of candles by ``crypto.remove_candles``.

    Attributes:
        removed_from: Opening time of the first removed candle, ISO 8601 UTC.
        removed_until: Closing time of the last removed candle, ISO 8601 UTC. All candles of the market that opened
            between the two were removed.
        candles: Number of removed candles.
        by: The warehouse's user.
        because: The reason.
    """

    removed_from: str
    removed_until: str
    candles: int
    by: str
    because: str


@dataclass(frozen=True)
class PreviousRecord:
    """The record before.

    Attributes:
        load_number: Its number.
        sha256: Hex digest of its bytes.
    """

    load_number: int
    sha256: str


@dataclass(frozen=True)
class LoadRecord:
    """A committed load or removal.

    Attributes:
        load_number: Its number.
        kind: Whether it is a load or a removal.
        batch_id: Name of the attempt that was loaded, in each of its rows.
        window: Its days.
        merged_at: When the transaction ran, ISO 8601 UTC.
        visible_at: When the load was known to be committed, ISO 8601 UTC. It is late, never early.
        forced: Whether a user allowed it to delete candles and to overwrite later corrections.
        rebuilt_from: ``manifest`` for a load that a rebuild without records guessed from the raw manifests; None for
            every other load.
        dag_id: The DAG; None for a removal.
        run_id: The DAG run; None for a removal.
        code: None for a removal.
        rules: The configuration of the quality rules; None for a removal.
        glue_job_run_id: The Glue run that curated it; None for a removal.
        sources: One per source. A removal has one.
        copy_manifest: The manifest that COPY read; None for a removal.
        curated: The files that COPY loaded. One can have rows of several sources.
        removal: None for a load.
        previous: The record before; None for the first one.
    """

    load_number: int
    kind: Literal["load", "removal"]
    batch_id: str
    window: Window
    merged_at: str
    visible_at: str
    forced: bool
    rebuilt_from: Literal["manifest"] | None
    dag_id: str | None
    run_id: str | None
    code: Code | None
    rules: Mapping[str, Any] | None
    glue_job_run_id: str | None
    sources: tuple[RecordedSource, ...]
    copy_manifest: StoredDocument | None
    curated: tuple[CuratedFile, ...]
    removal: Removal | None
    previous: PreviousRecord | None

    def to_json(self) -> dict[str, Any]:
        """Return the record as a JSON document."""
        return {
            "record_version": RECORD_VERSION,
            "dataset": s3_keys.DATASET,
            **asdict(self),
            "window": self.window.as_json(),
        }

    def to_bytes(self) -> bytes:
        """Return the bytes of the record in the lake. The same record always gives the same bytes."""
        return json.dumps(self.to_json(), indent=1).encode()

    @classmethod
    def from_json(cls, uri: str, document: Mapping[str, Any]) -> LoadRecord:
        """Return the record in a JSON document.

        Args:
            uri: s3:// URI of the document, for messages.
            document: A document from ``to_json``.

        Raises:
            LoadRecordError: A key is missing or wrong, or the document contradicts itself.
        """
        if document.get("record_version") != RECORD_VERSION or document.get("dataset") != s3_keys.DATASET:
            raise LoadRecordError(f"{uri} is not a version {RECORD_VERSION} load record of {s3_keys.DATASET}")
        try:
            record = cls(
                load_number=_count(document, "load_number"),
                kind=_one_of(document, "kind", "load", "removal"),
                batch_id=_text(document, "batch_id"),
                window=Window.parse(document["window"]["start"], document["window"]["end"]),
                merged_at=_text(document, "merged_at"),
                visible_at=_text(document, "visible_at"),
                forced=_truth(document, "forced"),
                rebuilt_from=_optional(document, "rebuilt_from", lambda d, k: _one_of(d, k, "manifest")),
                dag_id=_optional(document, "dag_id", _text),
                run_id=_optional(document, "run_id", _text),
                code=_optional(document, "code", lambda d, k: _part(Code, d[k])),
                rules=_optional(document, "rules", _object),
                glue_job_run_id=_optional(document, "glue_job_run_id", _text),
                sources=tuple(_source(source) for source in document["sources"]),
                copy_manifest=_optional(document, "copy_manifest", lambda d, k: _part(StoredDocument, d[k])),
                curated=tuple(_part(CuratedFile, file) for file in document["curated"]),
                removal=_optional(document, "removal", lambda d, k: _part(Removal, d[k])),
                previous=_optional(document, "previous", lambda d, k: _part(PreviousRecord, d[k])),
            )
        except (KeyError, TypeError, WindowError) as error:
            raise LoadRecordError(f"{uri} is not a complete load record: {error!r}") from error
        problem = _contradiction(record)
        if problem:
            raise LoadRecordError(f"{uri} contradicts itself: {problem}")
        return record

    @classmethod
    def from_bytes(cls, uri: str, content: bytes) -> LoadRecord:
        """Return the record in the bytes of an object in the lake.

        Raises:
            LoadRecordError: They are not the JSON of a usable load record.
        """
        try:
            document = json.loads(content)
        except ValueError as error:
            raise LoadRecordError(f"{uri} is not JSON: {error}") from error
        if not isinstance(document, dict):
            raise LoadRecordError(f"{uri} is not a JSON object")
        return cls.from_json(uri, document)


def record_digest(content: bytes) -> str:
    """Return the hash by which the next record names a record.

    Args:
        content: The bytes of the record in the lake.
    """
    return hashlib.sha256(content).hexdigest()


def _contradiction(record: LoadRecord) -> str:
    if not record.sources:
        return "it has no source"
    if (record.kind == "removal") != (record.removal is not None):
        return f"it is a {record.kind}, but removal is {record.removal}"
    if record.kind == "load" and any(source.raw_manifest is None for source in record.sources):
        return "a source of the load has no raw manifest"
    if (record.load_number == 1) != (record.previous is None):
        return f"record {record.load_number} has the previous record {record.previous}"
    if record.previous is not None and record.previous.load_number != record.load_number - 1:
        return f"record {record.load_number} follows record {record.previous.load_number}"
    return ""


def _source(document: Mapping[str, Any]) -> RecordedSource:
    return RecordedSource(
        source=_text(document, "source"),
        candle_interval=_text(document, "candle_interval"),
        market_set=_text(document, "market_set"),
        markets=tuple(_text({"markets": market}, "markets") for market in document["markets"]),
        fetched_at=_optional(document, "fetched_at", _text),
        content_hash=_optional(document, "content_hash", _text),
        raw_manifest=_optional(document, "raw_manifest", lambda d, k: _part(StoredDocument, d[k])),
        objects=tuple(_part(StoredObject, stored) for stored in document["objects"]),
        counts=_optional(document, "counts", lambda d, k: _part(Counts, d[k])),
        accepted=_optional(document, "accepted", lambda d, k: _part(Acceptance, d[k])),
    )


def _part(kind: type[_Part], document: Mapping[str, Any]) -> _Part:
    read: dict[str, Callable[[Mapping[str, Any], str], Any]] = {
        "str": _text,
        "int": _count,
        "str | None": lambda d, k: _optional(d, k, _text),
        "int | None": lambda d, k: _optional(d, k, _count),
    }
    values = {field.name: read[str(field.type)](document, field.name) for field in fields(kind)}  # type: ignore[arg-type]
    return kind(**values)


def _optional(document: Mapping[str, Any], key: str, read: Callable[[Mapping[str, Any], str], _Part]) -> _Part | None:
    return None if document[key] is None else read(document, key)


def _text(document: Mapping[str, Any], key: str) -> str:
    value = document[key]
    if not isinstance(value, str):
        raise TypeError(f"{key} is {value!r}, not a text")
    return value


def _count(document: Mapping[str, Any], key: str) -> int:
    value = document[key]
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{key} is {value!r}, not a whole number")
    return value


def _truth(document: Mapping[str, Any], key: str) -> bool:
    value = document[key]
    if not isinstance(value, bool):
        raise TypeError(f"{key} is {value!r}, not true or false")
    return value


def _one_of(document: Mapping[str, Any], key: str, *choices: str) -> Any:
    value = document[key]
    if value not in choices:
        raise TypeError(f"{key} is {value!r}, not one of {', '.join(choices)}")
    return value


def _object(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = document[key]
    if not isinstance(value, dict):
        raise TypeError(f"{key} is {value!r}, not an object")
    return value
