"""What the raw objects say about a candle, without the Glue job: its records, their outcomes, and the row they give."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from crypto_prices_contract.raw_manifest import RawManifest, RawObject

from crypto_prices.aws.redshift_data import Value
from crypto_prices.receipts.evidence import Evidence, Row
from crypto_prices.receipts.question import Question
from crypto_prices.receipts.raw_records import COLUMNS, FORMATS, RawRecord, read_records
from crypto_prices.receipts.rules_again import CURATED, JudgedRecord, interval_ms, judge

CURATED_COLUMNS = (
    "source",
    "symbol",
    "quote_currency",
    "candle_interval",
    "observed_at",
    *COLUMNS,
    "raw_object",
    "ingested_at",
    "batch_id",
)
"""The columns of a curated row. A test compares them with the Glue job's."""

_TIMES = ("observed_at", "ingested_at")


@dataclass(frozen=True)
class Derived:
    """What the raw objects say.

    Attributes:
        records: The records that open when the candle does, with their outcomes.
        totals: The number of records by raw object; None if nothing could be read.
        row: The curated row that they give; None if they give none.
        unreadable: The raw objects whose bodies are not responses of the source.
        missing: The raw objects that are missing or no gzip files.
    """

    records: tuple[JudgedRecord, ...] = ()
    totals: Mapping[str, int] | None = None
    row: Row | None = None
    unreadable: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def own(self) -> JudgedRecord | None:
        """The record that becomes the row."""
        return next((one for one in self.records if one.outcome == CURATED), None)


def derive(evidence: Evidence) -> Derived:
    """Return what the raw objects of the expected load say about the candle."""
    question, manifest = evidence.question, evidence.parsed_manifest
    if manifest is None or question.source not in FORMATS:
        return Derived()
    records: list[tuple[str, RawRecord]] = []
    totals: dict[str, int] = {}
    unreadable, missing = [], []
    for stored in evidence.objects:
        body = None if stored.readable is None else stored.readable.unpacked
        found = None if body is None else _records(question, body)
        if body is None:
            missing.append(stored.uri)
        elif found is None:
            unreadable.append(stored.uri)
        else:
            totals[stored.uri] = len(found)
            records += [(stored.uri, record) for record in found]
    judged = judge(
        question.source,
        records,
        window=manifest.window,
        candle_interval=question.candle_interval,
        actions=_row_actions(evidence),
    )
    opens_ms = int(question.at.timestamp()) * 1000
    at = tuple(one for one in judged if one.record.opened_ms == opens_ms)
    derived = Derived(at, totals, None, tuple(unreadable), tuple(missing))
    if derived.own is None:
        return derived
    listed = listed_object(manifest, derived.own.uri)
    return replace(derived, row=_row(question, derived.own, listed, evidence.batch_id))


def listed_object(manifest: RawManifest | None, uri: str) -> RawObject | None:
    """Return the entry of a raw object in a manifest."""
    return next((obj for obj in manifest.objects if obj.uri == uri), None) if manifest else None


def differences(one: Row, other: Row, columns: Sequence[str] = CURATED_COLUMNS) -> list[str]:
    """Return the columns in which two rows differ. Numbers and times are compared by value."""
    return [column for column in columns if _comparable(column, one[column]) != _comparable(column, other[column])]


def as_time(value: Value) -> datetime:
    """Return a time of the warehouse or of a document, in UTC.

    Raises:
        ValueError: It is not a time.
    """
    found = datetime.fromisoformat(str(value))
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _row_actions(evidence: Evidence) -> dict[str, str]:
    """Return the actions of the row rules that were in force, by rule. Those with the default action are left out."""
    try:
        rules = evidence.record.rules if evidence.record else json.loads(str((evidence.load or {})["rules"]))
        actions = (rules or {})["row_rules"]
    except (ValueError, KeyError, TypeError):
        return {}
    return {str(rule): str(action) for rule, action in actions.items()} if isinstance(actions, dict) else {}


def _records(question: Question, body: bytes) -> list[RawRecord] | None:
    try:
        return read_records(question.source, body.decode(), interval_ms(question.candle_interval))
    except UnicodeDecodeError:
        return None


def _row(question: Question, own: JudgedRecord, listed: RawObject | None, batch_id: Value) -> Row:
    return {
        "source": question.source,
        "symbol": question.symbol,
        "quote_currency": question.quote_currency,
        "candle_interval": question.candle_interval,
        "observed_at": question.observed_at,
        **{column: None if value is None else str(value) for column, value in own.record.values.items()},
        "raw_object": own.uri,
        "ingested_at": None if listed is None else listed.fetched_at,
        "batch_id": batch_id,
    }


def _comparable(column: str, value: Value) -> object:
    if value is None:
        return None
    try:
        if column in COLUMNS:
            return Decimal(str(value))
        if column in _TIMES:
            return as_time(value)
    except (InvalidOperation, ValueError):
        return str(value)
    return value
