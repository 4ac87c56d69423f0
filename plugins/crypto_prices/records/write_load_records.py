"""The operator that writes the records of committed loads to the lake."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException
from crypto_prices_contract import s3_keys
from crypto_prices_contract.curation_report import CurationReport
from crypto_prices_contract.load_record import LoadRecord, LoadRecordError
from crypto_prices_contract.raw_manifest import RawManifest, RawManifestError
from crypto_prices_contract.stored_objects import StoredDocument, stored_document

from crypto_prices.aws.redshift_data import Value
from crypto_prices.aws.s3_objects import read_object
from crypto_prices.aws.warehouse_operator import WarehouseOperator
from crypto_prices.fetch.sources import get_source
from crypto_prices.records.build_record import Log, ReadManifest, build_record, instant
from crypto_prices.records.record_zone import RecordConflictError, RecordZone
from crypto_prices.xcom import task_results
from crypto_prices.xcom.curation_report import CurationReportError, parse_report

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class WriteLoadRecordsOperator(WarehouseOperator):
    """Writes the records of all committed loads and removals that the lake lacks, in the order of their numbers.

    Usually that is the run's own load, and takes one request for the record before, one for the raw manifest of each
    source, and one put. A run that ended between its commit and this task leaves its record to the next load, and so
    does a removal. Records are never changed. A record of a load that is replayed exists.

    If a manifest or a report is missing, the record has no version and no hash of it, and the log has a warning.

    The statements are in ``records/`` in the DAG's ``template_searchpath``.
    """

    def execute(self, context: Context) -> list[str]:
        """Write the records and return the S3 URIs of those that this task wrote or found.

        Raises:
            AirflowFailException: The lake has the records of another warehouse.
        """
        ti = context["ti"]
        batch, own = task_results.batch(ti), task_results.report(ti)
        if batch.replay is not None:
            self.log.info("Load %d is replayed from its record", batch.replay.load_number)
            return []
        days = {"window_start": batch.window_start, "window_end": batch.window_end}
        zone = RecordZone(self.s3_client, self.settings.s3_bucket)
        newest = int(self._query("find_newest_load", **days)[0]["newest_load"] or 0)
        last, content = zone.last_before(newest)
        rows = self._query("find_loads", after_load=max(last - 1, 0), through_load=newest, **days)
        loads: dict[int, list[dict[str, Value]]] = defaultdict(list)
        for row in rows:
            loads[int(row["load_number"] or 0)].append(row)
        try:
            if content is not None:
                # The chain must not go on from a record of another warehouse.
                (recorded, *_) = loads.pop(last)
                zone.check(last, content, str(recorded["batch_id"]), instant(str(recorded["merged_at"])))
            written = self._write(zone, loads, {own.job_run_id: own}, (last, content), days)
        except (RecordConflictError, LoadRecordError) as error:
            raise AirflowFailException(
                f"{error}. Rebuild the warehouse from the lake's records with crypto_prices_backfill and from_raw, or "
                "move them to another prefix (docs/how-to/operate.md, Recover from a disaster)"
            ) from error
        self.log.info("The lake has the records of all loads up to %d. Written now: %s", newest, ", ".join(written))
        return written

    def _write(
        self,
        zone: RecordZone,
        loads: Mapping[int, Sequence[Mapping[str, Any]]],
        reports: Mapping[str, CurationReport],
        previous: tuple[int, bytes | None],
        days: Mapping[str, str],
    ) -> list[str]:
        written = []
        for number, rows in sorted(loads.items()):
            record = self._record(rows, self._markets(rows, days), reports, previous)
            previous = number, zone.write(record)
            written.append(zone.uri(number))
        return written

    def _record(
        self,
        rows: Sequence[Mapping[str, Any]],
        markets: Mapping[str, Sequence[str]],
        reports: Mapping[str, CurationReport],
        previous: tuple[int, bytes | None],
    ) -> LoadRecord:
        first = rows[0]
        if first["removed_because"] is not None:
            days = {"window_start": first["window_start"], "window_end": first["window_end"]}
            (removed,) = self._query("find_removed_candles", load_number=first["load_number"], **days)
            interval = get_source(first["source"]).interval_length(first["candle_interval"])
            return build_record(Log(rows, markets, removed, interval), {}, None, previous)
        manifests = {row["raw_manifest"]: self._manifest(row["raw_manifest"]) for row in rows}
        run = first["glue_job_run_id"]
        report = reports.get(run) or self._report(run)
        return build_record(Log(rows, markets), manifests, report, previous)

    def _markets(self, rows: Sequence[Mapping[str, Any]], days: Mapping[str, str]) -> dict[str, list[str]]:
        markets: dict[str, list[str]] = defaultdict(list)
        sets = sorted({str(row["market_set"]) for row in rows})
        for row in self._query("find_markets", market_sets=sets, **days):
            markets[str(row["market_set"])].append(str(row["market"]))
        return markets

    def _manifest(self, uri: str) -> ReadManifest:
        content, answer = read_object(self.s3_client, uri)
        if content is None:
            self.log.warning("%s is missing, so the record cannot name its version and its objects", uri)
            return ReadManifest(StoredDocument(uri, None, None, None), None)
        stored = stored_document(uri, answer, content)
        try:
            return ReadManifest(stored, RawManifest.from_json(uri, json.loads(content)))
        except (RawManifestError, ValueError) as error:
            self.log.warning("The record cannot name the objects of a raw manifest: %s", error)
            return ReadManifest(stored, None)

    def _report(self, job_run_id: str) -> CurationReport | None:
        uri = s3_keys.s3_uri(self.settings.s3_bucket, s3_keys.curation_report_key(job_run_id))
        content, _ = read_object(self.s3_client, uri)
        if content is None:
            self.log.warning("%s is missing, so the record cannot name the curated files and counts", uri)
            return None
        try:
            return parse_report(json.loads(content))
        except (CurationReportError, ValueError) as error:
            self.log.warning("The record cannot name the curated files and counts of %s: %s", uri, error)
            return None

    def _query(self, name: str, **values: Any) -> list[dict[str, Value]]:
        return self.warehouse.query(self.get_template_env().get_template(f"records/{name}.sql").render(**values))
