"""A curation report of one day of one source: 26 records fetched, 23 curated."""

from crypto_prices_contract.curation_report import REPORT_VERSION, CurationReport, DayVersion, SourceCounts
from crypto_prices_contract.stored_objects import StoredDocument
from crypto_prices_contract.window import Window

REPORT = CurationReport(
    report_version=REPORT_VERSION,
    window=Window.parse("2023-12-18", "2023-12-19"),
    row_rules=(),
    quarantined_candles=(),
    batch_id="b1",
    job_run_id="jr_1",
    code_digest="d" * 64,
    raw_manifests=("s3://lake/m.json",),
    sources={"binance": SourceCounts(fetched=26, curated=23, quarantined={"off_grid": 2}, duplicates=1)},
    refused=(),
    copy_manifest=StoredDocument("s3://lake/m.json", None, "e" * 32, "a" * 64),
    curated_files=(),
    quarantine="s3://lake/q/",
    days={"2023-12-18": DayVersion("s3://lake/v/", 23, 0, {})},
)
