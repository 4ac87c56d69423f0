"""The plan of a rebuild from the lake: which load records to replay, or, without any, which raw manifests to load."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from itertools import pairwise
from typing import Any

from crypto_prices_contract import s3_keys
from crypto_prices_contract.load_record import LoadRecord, LoadRecordError, record_digest
from crypto_prices_contract.raw_manifest import RawManifest

from crypto_prices.counted import counted
from crypto_prices.records.build_record import instant

START_OVER = "Start over with an empty warehouse (docs/how-to/operate.md, Recover from a disaster)"


class RebuildError(ValueError):
    """The lake or the warehouse does not allow a rebuild. The message says what is wrong, where, and what to do."""


@dataclass(frozen=True)
class Rebuild:
    """A plan.

    Attributes:
        last_load: Number of the newest record; 0 without records.
        guesses: The raw manifests to load after the records, as batches of URIs; empty unless the rebuild is
            approximate.
    """

    last_load: int
    guesses: Sequence[Guess]

    def as_xcom(self) -> dict[str, Any]:
        """Return the plan as JSON-able data for XCom."""
        return asdict(self)


@dataclass(frozen=True)
class Guess:
    """Raw manifests of one window that are loaded together.

    Attributes:
        start: First day (ISO), included.
        end: Day after the last (ISO), excluded.
        sources: Their sources.
        raw_manifests: Their S3 URIs.
    """

    start: str
    end: str
    sources: list[str]
    raw_manifests: list[str]


def record_numbers(keys: Iterable[str]) -> list[int]:
    """Return the numbers of the load records among some S3 keys, in order.

    Raises:
        RebuildError: There are numbers without a record before the last one.
    """
    numbers = sorted(
        int(name.removesuffix(".json"))
        for key in keys
        if (name := key.removeprefix(s3_keys.LOAD_RECORDS)).endswith(".json") and name.removesuffix(".json").isdigit()
    )
    holes = sorted(set(range(1, (numbers or [0])[-1] + 1)) - set(numbers))
    if holes:
        raise RebuildError(
            f"the load records {', '.join(map(str, holes[:10]))} are missing, but record {numbers[-1]} exists: restore "
            f"them below {s3_keys.LOAD_RECORDS} in the lake, for example from their older versions in S3"
        )
    return numbers


def check_chain(contents: Sequence[tuple[str, bytes]]) -> list[LoadRecord]:
    """Return the records in the bytes of all records, and check that each names the hash of the one before.

    Args:
        contents: URI and bytes of each record, in order.

    Raises:
        RebuildError: A record is unusable, or was changed or exchanged after the next one was written.
    """
    try:
        records = [LoadRecord.from_bytes(uri, content) for uri, content in contents]
    except LoadRecordError as error:
        raise RebuildError(f"{error}: restore its older version in S3") from error
    for (uri, content), (record, following) in zip(contents, pairwise(records), strict=False):
        digest = record_digest(content)
        if following.previous is None or following.previous.sha256 != digest:
            raise RebuildError(
                f"{uri} has the SHA-256 {digest}, but record {following.load_number} names "
                f"{following.previous and following.previous.sha256}: one of load records {record.load_number} and "
                f"{following.load_number} was changed. Restore its older version in S3"
            )
    return records


def check_warehouse(logged: Sequence[Mapping[str, Any]], records: Sequence[LoadRecord]) -> int:
    """Return the number of the newest load in the warehouse, all of whose loads must be those of the records.

    Args:
        logged: Rows of ``sql/rebuild/find_logged_loads.sql``.
        records: All records, in order.

    Raises:
        RebuildError: The warehouse has a load that is not in the records, so a replay would not equal the original.
    """
    of_number = {record.load_number: record for record in records}
    newest = 0
    for row in logged:
        newest = int(row["load_number"])
        # A load that a rebuild guessed leaves its record a moment after its commit.
        if newest not in of_number and row["is_guessed"]:
            continue
        if difference := difference_from_record(row, of_number.get(newest)):
            raise RebuildError(
                f"{difference}: a rebuild starts with an empty warehouse or continues an earlier rebuild. {START_OVER}"
            )
    return newest


def difference_from_record(row: Mapping[str, Any], record: LoadRecord | None) -> str:
    """Return how a load or removal of the warehouse differs from the record of its number; empty if it is the same.

    Two removals with the same number have the same batch. Their times differ: a replay restores the former one.

    Args:
        row: Its number, batch and time, as ``sql/rebuild/find_logged_loads.sql`` has them.
        record: The record; None if it is missing.
    """
    found = str(row["batch_id"]), instant(str(row["merged_at"]))
    if record is not None and found == (record.batch_id, record.merged_at):
        return ""
    expected = "missing" if record is None else f"of batch {record.batch_id}, merged at {record.merged_at}"
    return (
        f"load {row['load_number']} of the warehouse is batch {found[0]}, merged at {found[1]}, but its record is "
        f"{expected}"
    )


def newest_manifests(manifests: Iterable[RawManifest]) -> list[RawManifest]:
    """Return the manifests that are the newest of a market and day, oldest first.

    Loading them in this order leaves each day of a market as its newest manifest has it. Manifests without records are
    left out, because no load has them.
    """
    newest: dict[tuple[str, str, str, date], RawManifest] = {}
    for manifest in sorted((manifest for manifest in manifests if manifest.records), key=_age):
        for market in manifest.markets:
            for day in manifest.window.days():
                newest[manifest.source, manifest.candle_interval, market.name, day] = manifest
    return sorted({manifest.uri: manifest for manifest in newest.values()}.values(), key=_age)


def guesses(manifests: Iterable[RawManifest]) -> list[Guess]:
    """Return the batches in which to load the manifests, in their order.

    Manifests of one window that follow each other share a batch, as they did when a run fetched its sources.
    """
    return [
        Guess(
            start=group[0].window.start.isoformat(),
            end=group[0].window.end.isoformat(),
            sources=[manifest.source for manifest in group],
            raw_manifests=[manifest.uri for manifest in group],
        )
        for group in _groups(manifests)
    ]


def rebuild_text(records: Sequence[LoadRecord], loaded: int, rebuild: Rebuild) -> str:
    """Return the plan as text.

    Args:
        records: All records.
        loaded: Number of the newest load in the warehouse.
        rebuild: The plan.
    """
    left = [record for record in records if record.load_number > loaded]
    removals = sum(record.kind == "removal" for record in left)
    loads = len(left) - removals
    lines = [
        f"Rebuild from the lake: {counted(len(records), 'load record')}, of which the warehouse has {loaded}",
        f"  to replay   {counted(loads, 'load')} and {counted(removals, 'removal')}, one after the other",
        f"  Glue runs   {loads + len(rebuild.guesses)}",
        "  requests to exchanges   0",
    ]
    if left:
        lines.append(f"  as it was at   {records[-1].visible_at}")
    packages = {record.code.glue for record in left if record.code is not None}
    if len(packages) > 1:
        lines.append(
            f"  Glue packages that made these loads   {len(packages)}. The deployed one replays all of them: "
            "a value that it calculates differently is not noticed if all counts are equal"
        )
    if rebuild.guesses:
        manifests = sum(len(guess.raw_manifests) for guess in rebuild.guesses)
        lines += [
            f"  APPROXIMATE: {counted(manifests, 'raw manifest')} without a load record, the newest of each market and "
            "day",
            "    Which fetches were loaded, refused or forced is unknown. Load numbers, times and former versions are "
            "new",
        ]
    return "\n".join(lines)


def _age(manifest: RawManifest) -> tuple[str, str]:
    return manifest.written_at, manifest.uri


def _groups(manifests: Iterable[RawManifest]) -> Iterator[list[RawManifest]]:
    group: list[RawManifest] = []
    for manifest in manifests:
        fits = group and (manifest.window, manifest.candle_interval) == (group[0].window, group[0].candle_interval)
        if not fits or manifest.source in {other.source for other in group}:
            if group:
                yield group
            group = []
        group.append(manifest)
    if group:
        yield group
