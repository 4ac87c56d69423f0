"""Collects everything that is known about a candle: rows of the warehouse, and objects of the lake."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from crypto_prices_contract.load_record import LoadRecord, LoadRecordError, RecordedSource
from crypto_prices_contract.raw_manifest import RawManifest, RawManifestError
from crypto_prices_contract.s3_keys import copy_manifest_key, load_record_key, partition_values, s3_uri
from crypto_prices_contract.stored_objects import CuratedFile, StoredObject

from crypto_prices.aws.redshift_data import RedshiftStatementError, Value
from crypto_prices.load_terms import FROM_RECORD
from crypto_prices.receipts.lake import FoundObject, Lake
from crypto_prices.receipts.question import Question

Row = Mapping[str, Value]


class Warehouse(Protocol):
    """Runs the statements in ``sql/``."""

    def query(self, name: str, **values: Any) -> list[dict[str, Value]]:
        """Return the rows of a statement, such as ``receipts/find_candle.sql``."""

    def query_batch(self, statements: Sequence[tuple[str, Mapping[str, Any]]]) -> list[dict[str, Value]]:
        """Run statements in one transaction, and return the rows of the last one."""


@dataclass(frozen=True)
class Recorded:
    """An object as a record names it, and as it is in the lake.

    Attributes:
        uri: Its s3:// URI.
        recorded: As in the load record; None if the record does not have it, or does not exist.
        present: The object now; None if it is missing.
        version: The recorded version, if it is not the present one; None if it is missing, too.
    """

    uri: str
    recorded: StoredObject | None
    present: FoundObject | None
    version: FoundObject | None = None

    @property
    def readable(self) -> FoundObject | None:
        """The recorded version, or else the present object."""
        return self.version or self.present


@dataclass(frozen=True)
class ChainEnd:
    """A load record and the records before and after it.

    Attributes:
        uri: The record's URI.
        content: Its bytes; None if it is missing.
        record: The record; None if it is missing or unusable.
        problem: Why it is unusable.
        previous: The bytes of the record before; None if there is none.
        following: The record after; None if there is none.
    """

    uri: str
    content: bytes | None = None
    record: LoadRecord | None = None
    problem: str = ""
    previous: bytes | None = None
    following: LoadRecord | None = None


@dataclass(frozen=True)
class CuratedRows:
    """The curated files of the candle's day, and the candle's rows in them.

    Attributes:
        files: The files.
        rows: The candle's rows, read by COPY.
        problem: Why COPY could not read a file.
    """

    files: tuple[Recorded, ...] = ()
    rows: tuple[Row, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class Evidence:
    """Everything that is known about a candle.

    Attributes:
        question: The candle.
        facts: Its rows in the fact table.
        versions: Its former versions, oldest first.
        loads: The loads and removals of its market and day, oldest first.
        row: The row that the question is about: the fact table's, or a former version's. None if there is none.
        as_of_load: The newest load that was visible at the question's time; None for the present, or if none was.
        load: The load that is expected to have written the row; None if no load contains the candle.
        chain: Its load record.
        removal: The row of the log of the removal that removed the candle; None if none did.
        removal_chain: Its load record.
        manifest: Its raw manifest.
        objects: The raw objects of the candle's market, by URI.
        curated: The curated row.
        copy_manifest: The manifest that COPY read.
        gaps: The recorded gaps that contain the candle.
        expected: The market in the settings.
    """

    question: Question
    facts: tuple[Row, ...]
    versions: tuple[Row, ...]
    loads: tuple[Row, ...]
    row: Row | None
    as_of_load: int | None = None
    load: Row | None = None
    chain: ChainEnd | None = None
    removal: Row | None = None
    removal_chain: ChainEnd | None = None
    manifest: Recorded | None = None
    objects: tuple[Recorded, ...] = ()
    curated: CuratedRows = CuratedRows()
    copy_manifest: Recorded | None = None
    gaps: tuple[Row, ...] = ()
    expected: tuple[Row, ...] = ()

    @property
    def record(self) -> LoadRecord | None:
        """The load record; None if it is missing or unusable."""
        return None if self.chain is None else self.chain.record

    @property
    def recorded_source(self) -> RecordedSource | None:
        """The candle's source in the load record."""
        return source_of(self.record, self.question.source)

    @property
    def batch_id(self) -> Value:
        """The batch of the expected load. If the log and the record differ, the link ``load`` says so."""
        if self.record is not None:
            return self.record.batch_id
        return None if self.load is None else self.load["batch_id"]

    @property
    def parsed_manifest(self) -> RawManifest | None:
        """The raw manifest; None if it is missing or unusable."""
        return None if self.manifest is None else parse_manifest(self.manifest)


def collect(question: Question, lake: Lake, warehouse: Warehouse) -> Evidence:
    """Return the evidence about a candle."""
    facts = tuple(warehouse.query("receipts/find_candle.sql", question=question))
    versions = tuple(warehouse.query("receipts/find_versions.sql", question=question))
    as_of_load = None
    row: Row | None = facts[0] if facts else None
    if question.as_of is not None:
        (known,) = warehouse.query("receipts/find_load_as_of.sql", question=question)
        as_of_load = None if known["load_number"] is None else number(known, "load_number")
        row = _row_as_of(as_of_load, facts, versions)
    loads = _find_loads(question, row, lake, warehouse)
    load = _load_of(row, loads, is_present=question.as_of is None, as_of_load=as_of_load)
    found = Evidence(question, facts, versions, loads, row, as_of_load, load)
    if row is None:
        found = replace(
            found,
            gaps=tuple(warehouse.query("receipts/find_gap.sql", question=question)),
            expected=tuple(warehouse.query("receipts/find_expected_market.sql", question=question)),
        )
        removed_by = last_removed_by(found)
        if removed_by is not None and is_removal(removed_by):
            chain = _read_chain(lake, number(removed_by, "load_number"))
            found = replace(found, removal=removed_by, removal_chain=chain)
    return found if load is None else _with_lake(found, load, lake, warehouse)


def number(row: Row, column: str) -> int:
    """Return a whole number of a row."""
    return int(str(row[column]))


def is_removal(load: Row) -> bool:
    """Return whether a row of the load log is a removal."""
    return load["removed_because"] is not None


def last_removed_by(evidence: Evidence) -> Row | None:
    """Return the load or removal that removed the candle.

    None if a later load replaced its day, unless the gap still has the reason ``removed``: then the later load did not
    bring the candle back. None for a question about a former time: the candle may have been removed later.
    """
    last = evidence.versions[-1] if evidence.versions else None
    if evidence.question.as_of is not None or last is None or last["closed_as"] != "removed":
        return None
    loads = {number(load, "load_number"): load for load in evidence.loads}
    by = number(last, "valid_to_load")
    is_replaced = any(number(load, "load_number") > by and not is_removal(load) for load in evidence.loads)
    is_gap = any(gap["reason"] == "removed" for gap in evidence.gaps)
    return None if is_replaced and not is_gap else loads.get(by)


def is_curated_again(load: Row, record: LoadRecord) -> bool:
    """Return whether a rebuild has replayed the load from its record.

    Then the log names the rebuild's Glue run and COPY manifest, and the record the former ones. If only some of these
    columns differ, the log was changed by hand.
    """
    run = load["glue_job_run_id"]
    if load["rebuilt_from"] != (record.rebuilt_from or FROM_RECORD):
        return False
    manifest = str(load["copy_manifest"]).partition("://")[2].partition("/")[2]
    return run != record.glue_job_run_id and manifest == copy_manifest_key(str(run))


def source_of(record: LoadRecord | None, name: str) -> RecordedSource | None:
    """Return a source in a load record."""
    return None if record is None else next((own for own in record.sources if own.source == name), None)


def parse_manifest(manifest: Recorded) -> RawManifest | None:
    """Return a raw manifest, or None if it is missing or unusable."""
    content = manifest.readable
    if content is None:
        return None
    try:
        document = json.loads(content.content or b"")
        return RawManifest.from_json(manifest.uri, document)
    except (RawManifestError, ValueError, AttributeError):
        return None


def _row_as_of(load_number: int | None, facts: Sequence[Row], versions: Sequence[Row]) -> Row | None:
    if load_number is None:
        return None
    held = [row for row in facts if number(row, "valid_from_load") <= load_number]
    held += [row for row in versions if number(row, "valid_from_load") <= load_number < number(row, "valid_to_load")]
    return held[0] if held else None


def _find_loads(question: Question, row: Row | None, lake: Lake, warehouse: Warehouse) -> tuple[Row, ...]:
    """Return the loads and removals of the candle's market and day, oldest first.

    If the log says that the row's batch is of other markets or days, and the load record contradicts it, the log is
    wrong.
    """
    batch_id = "" if row is None else row["batch_id"]
    found = warehouse.query("receipts/find_loads.sql", question=question, batch_id=batch_id)
    return tuple(load for load in found if load["has_market_and_day"] or _is_recorded_for(question, load, lake))


def _is_recorded_for(question: Question, load: Row, lake: Lake) -> bool:
    uri = s3_uri(lake.bucket, load_record_key(number(load, "load_number")))
    record, _ = _parsed_record(uri, lake.read(uri))
    source = source_of(record, question.source)
    return (
        record is not None
        and source is not None
        and source.candle_interval == question.candle_interval
        and question.market in source.markets
        and record.window.start <= question.day < record.window.end
    )


def _load_of(row: Row | None, loads: Sequence[Row], *, is_present: bool, as_of_load: int | None) -> Row | None:
    """Return the load that is expected to have written the row.

    Every load replaces all rows of its markets and days, so the newest one has written the present row. A former
    version names its batch.
    """
    made = [load for load in loads if not is_removal(load)]
    if is_present:
        return made[-1] if made else None
    if row is None:
        made = [load for load in made if as_of_load is not None and number(load, "load_number") <= as_of_load]
        return made[-1] if made else None
    return next((load for load in reversed(made) if load["batch_id"] == row["batch_id"]), None)


def _with_lake(found: Evidence, load: Row, lake: Lake, warehouse: Warehouse) -> Evidence:
    question = found.question
    chain = _read_chain(lake, number(load, "load_number"))
    record = chain.record
    source = source_of(record, question.source)
    recorded_manifest = source.raw_manifest if source else None
    manifest = _read_replaced(lake, _named(load["raw_manifest"], recorded_manifest), recorded_manifest)
    listed = parse_manifest(manifest)
    known: dict[str, StoredObject] = {}
    if listed is not None:
        # The manifest has noted the versions, too. It is the only witness until the load record is written.
        known = {obj.uri: obj.stored for obj in listed.objects}
        market = (question.symbol, question.quote_currency)
        uris = {obj.uri for obj in listed.objects if (obj.symbol, obj.quote_currency) == market}
    else:
        uris = set() if found.row is None else {str(found.row["raw_object"])}
    known |= {stored.uri: stored for stored in source.objects} if source else {}
    again = record is not None and is_curated_again(load, record)
    recorded_copy = None if record is None or again else record.copy_manifest
    copy_uri = _named(load["copy_manifest"], recorded_copy)
    copy_manifest = Recorded(copy_uri, recorded_copy, lake.read(copy_uri))
    return replace(
        found,
        chain=chain,
        manifest=manifest,
        objects=tuple(_read_replaced(lake, uri, known.get(uri)) for uri in sorted(uris)),
        copy_manifest=copy_manifest,
        curated=_read_curated(
            question, lake, warehouse, () if record is None or again else record.curated, copy_manifest
        ),
    )


def _read_chain(lake: Lake, load_number: int) -> ChainEnd:
    uri = s3_uri(lake.bucket, load_record_key(load_number))
    found = lake.read(uri)
    previous = lake.read(s3_uri(lake.bucket, load_record_key(load_number - 1))) if load_number > 1 else None
    next_uri = s3_uri(lake.bucket, load_record_key(load_number + 1))
    following = lake.read(next_uri)
    record, problem = _parsed_record(uri, found)
    return ChainEnd(
        uri=uri,
        content=None if found is None else found.content,
        record=record,
        problem=problem,
        previous=None if previous is None else previous.content,
        following=_parsed_record(next_uri, following)[0],
    )


def _parsed_record(uri: str, found: FoundObject | None) -> tuple[LoadRecord | None, str]:
    if found is None:
        return None, ""
    try:
        return LoadRecord.from_bytes(uri, found.content or b""), ""
    except LoadRecordError as error:
        return None, str(error)


def _read_replaced(lake: Lake, uri: str, recorded: StoredObject | None) -> Recorded:
    """Return an object of the raw zone. If it was replaced, also read the recorded version."""
    present = lake.read(uri)
    version = None
    if recorded is not None and recorded.version_id is not None:
        is_present = present is not None and present.version_id == recorded.version_id
        version = None if is_present else lake.read(uri, recorded.version_id)
    return Recorded(uri, recorded, present, version)


def _named(logged: Value, recorded: StoredObject | None) -> str:
    """Return the URI that both the log and the record have. If they differ, the link ``load`` says so."""
    return str(logged) if recorded is None else recorded.uri


def _read_curated(
    question: Question,
    lake: Lake,
    warehouse: Warehouse,
    recorded: Sequence[CuratedFile],
    copy_manifest: Recorded,
) -> CuratedRows:
    """Return the row that COPY reads from the files of the candle's day.

    A file that is not the recorded one may be no Parquet at all. Only then is an error of COPY evidence.
    """
    year, month, day = partition_values(question.day)
    folder = f"/year={year}/month={month}/day={day}/"
    known = {file.uri: file for file in recorded}
    uris = set(known)
    if copy_manifest.readable is not None:
        try:
            entries = json.loads(copy_manifest.readable.content or b"")["entries"]
            uris |= {str(entry["url"]) for entry in entries}
        except (ValueError, KeyError, TypeError):
            pass
    files = tuple(Recorded(uri, known.get(uri), lake.head(uri)) for uri in sorted(uris) if folder in uri)
    readable = [file for file in files if file.present is not None]
    if not readable:
        return CuratedRows(files)
    statements: list[tuple[str, Mapping[str, Any]]] = [("receipts/create_curated_rows.sql", {})]
    statements += [("receipts/copy_curated_file.sql", {"file": file.uri}) for file in readable]
    statements.append(("receipts/find_curated_row.sql", {"question": question}))
    try:
        return CuratedRows(files, tuple(warehouse.query_batch(statements)))
    except RedshiftStatementError as error:
        if all(is_as_recorded(file) for file in files):
            raise
        return CuratedRows(files, problem=error.reason)


def is_as_recorded(stored: Recorded) -> bool:
    """Return whether the present object is the recorded one, by its ETag."""
    return stored.recorded is not None and stored.present is not None and stored.present.etag == stored.recorded.etag
