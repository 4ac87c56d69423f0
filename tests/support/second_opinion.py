"""Compares the receipts' own parser and rules with the outcomes of the Glue job."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Sequence
from datetime import UTC
from typing import Any

from crypto_prices.receipts.raw_records import COLUMNS, read_records
from crypto_prices.receipts.rules_again import JudgedRecord, interval_ms, judge
from crypto_prices_contract.raw_manifest import RawManifest
from crypto_prices_contract.row_rules import actions_from_text

from tests.support.lake import Lake


def second_opinion(
    lake: Lake, manifest: RawManifest, row_rules: str = "default"
) -> dict[tuple[str, int], JudgedRecord]:
    """Return what the receipts find in the raw objects of a manifest, by object and position."""
    found: dict[tuple[str, int], JudgedRecord] = {}
    for market in {(obj.symbol, obj.quote_currency) for obj in manifest.objects}:
        records = []
        for obj in sorted(manifest.objects, key=lambda obj: obj.uri):
            if (obj.symbol, obj.quote_currency) != market:
                continue
            body = gzip.decompress(lake.body(obj.uri)).decode()
            for record in read_records(manifest.source, body, interval_ms(manifest.candle_interval)) or []:
                records.append((obj.uri, record))
                main = record.places[0]
                assert body.encode()[main.start : main.end].decode() == record.text
        judged = judge(
            manifest.source,
            records,
            window=manifest.window,
            candle_interval=manifest.candle_interval,
            actions=actions_from_text(row_rules),
        )
        found |= {(one.uri, one.record.position): one for one in judged}
    return found


def differences(
    lake: Lake, manifests: Sequence[RawManifest], rows: Iterable[Any], row_rules: str = "default"
) -> list[dict[str, Any]]:
    """Return the records about which the receipts and the Glue job disagree, and those that only one of them finds.

    Objects that the job rejects as a whole are left out. The receipts have no limit for the depth of a body.
    """
    rows = list(rows)
    read = {row["raw_object"] for row in rows}
    own: dict[tuple[str, int], JudgedRecord] = {}
    for manifest in manifests:
        own |= second_opinion(lake, manifest, row_rules)
    wrong = []
    for row in rows:
        one = own.pop((row["raw_object"], row["record_position"]), None)
        job: tuple[Any, ...] = (row["outcome"],)
        if row["outcome"] == "curated":
            opened = row["observed_at"].astimezone(UTC)
            job = (row["outcome"], int(opened.timestamp() * 1000), *(row[column] for column in COLUMNS))
        receipt: tuple[Any, ...] = ("not found",)
        if one is not None:
            receipt = (one.outcome,)
            if one.outcome == "curated":
                receipt = (one.outcome, one.record.opened_ms, *(one.record.values[column] for column in COLUMNS))
        in_text = one is None or one.record.text in row["record"]
        if job != receipt or not in_text:
            wrong.append({"record": row["record"], "job": job, "receipt": receipt})
    only = [one for one in own.values() if one.uri in read]
    return wrong + [{"record": one.record.text, "job": ("not found",), "receipt": (one.outcome,)} for one in only]
