"""Compares a row of ``crypto.load_log`` with the load record in the lake."""

from __future__ import annotations

import json
from datetime import timedelta

from crypto_prices_contract.load_record import LoadRecord, RecordedSource

from crypto_prices.aws.redshift_data import Value
from crypto_prices.receipts.derived import as_time
from crypto_prices.receipts.evidence import Row, is_curated_again


def log_differences(load: Row, record: LoadRecord, source_name: str) -> list[str]:
    """Return the fields in which the load log and the load record differ."""
    source = next((one for one in record.sources if one.source == source_name), None)
    if source is None:
        return [f"the record has no source {source_name}"]
    pairs: dict[str, Value] = {
        "batch_id": record.batch_id,
        "window_start": record.window.start.isoformat(),
        "window_end": record.window.end.isoformat(),
        "merged_at": record.merged_at,
        "visible_at": record.visible_at,
        "forced": record.forced,
        "dag_id": record.dag_id,
        "run_id": record.run_id,
        "glue_job_run_id": record.glue_job_run_id,
        "dags_digest": record.code.dags if record.code else None,
        "plugins_digest": record.code.plugins if record.code else None,
        "glue_digest": record.code.glue if record.code else None,
        "copy_manifest": record.copy_manifest.uri if record.copy_manifest else None,
        "rebuilt_from": record.rebuilt_from,
        "removed_by": record.removal.by if record.removal else None,
        "removed_because": record.removal.because if record.removal else None,
        **_source_fields(source),
    }
    again = ("glue_job_run_id", "copy_manifest", "rebuilt_from") if is_curated_again(load, record) else ()
    wrong = [
        f"{column} is {load[column]} in the log, {value} in the record"
        for column, value in pairs.items()
        if column not in again and not _same(column, load[column], value)
    ]
    if _rules(load["rules"]) != (None if record.rules is None else dict(record.rules)):
        wrong.append(f"rules are {load['rules']} in the log, {json.dumps(record.rules)} in the record")
    return wrong


def _source_fields(source: RecordedSource) -> dict[str, Value]:
    return {
        "candle_interval": source.candle_interval,
        "market_set": source.market_set,
        "fetched_at": source.fetched_at,
        "content_hash": source.content_hash,
        "accepted_by": source.accepted.by if source.accepted else None,
        "accepted_because": source.accepted.because if source.accepted else None,
        "raw_manifest": source.raw_manifest.uri if source.raw_manifest else None,
    }


def _same(column: str, logged: Value, recorded: Value) -> bool:
    if logged is None or recorded is None or not column.endswith("_at"):
        return logged == recorded
    return abs(as_time(logged) - as_time(recorded)) < timedelta(milliseconds=1)


def _rules(text: Value) -> object:
    try:
        return None if text is None else json.loads(str(text))
    except ValueError:
        return text
