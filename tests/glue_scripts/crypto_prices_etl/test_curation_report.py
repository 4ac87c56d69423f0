import datetime as dt

from crypto_prices_contract.curation_report import SourceCounts
from crypto_prices_contract.stored_objects import StoredDocument
from crypto_prices_contract.window import Window
from crypto_prices_etl.accounting import Counts
from crypto_prices_etl.carry_over import CarriedOver
from crypto_prices_etl.curation_report import copy_manifest, curation_report
from crypto_prices_etl.lake_files import DataFile, RunPaths

START = dt.date(2024, 1, 1)
BTC, ETH, SOL = (f"binance/1h/{symbol}/USDT" for symbol in ("BTC", "ETH", "SOL"))


def test_the_copy_manifest_is_ordered_and_every_file_mandatory():
    manifest = copy_manifest([DataFile("s3://lake/b", 2), DataFile("s3://lake/a", 1)])
    assert manifest == {
        "entries": [
            {"url": "s3://lake/a", "mandatory": True, "meta": {"content_length": 1}},
            {"url": "s3://lake/b", "mandatory": True, "meta": {"content_length": 2}},
        ]
    }


def test_each_day_with_rows_has_its_location_and_the_origins_of_its_markets(arguments):
    run = arguments("s3://b/m.json", window_start="2024-01-01", window_end="2024-01-05")
    assert run.window == Window(START, dt.date(2024, 1, 5))
    own, carried, both, kept_only = (START + dt.timedelta(days=n) for n in range(4))
    counts = Counts({"binance": SourceCounts(48, 48, {}, 0)}, {own: 24, both: 24})
    kept = {carried: {ETH: "jr_a"}, both: {ETH: "jr_b", SOL: "jr_a"}, kept_only: {ETH: "jr_a"}}
    report = curation_report(
        run,
        RunPaths("lake", run.job_run_id),
        counts,
        CarriedOver({carried: 5, both: 7}, kept),
        frozenset({BTC}),
        manifest=StoredDocument("s3://lake/m.json", None, "e" * 32, "a" * 64),
        files=(),
        rules=[],
        quarantined=[],
        refused=[],
    )
    assert {day: (version.curated, version.carried_over) for day, version in report.days.items()} == {
        "2024-01-01": (24, 0),
        "2024-01-02": (0, 5),
        "2024-01-03": (24, 7),
        # The day has no rows left. The report still shows that ETH was requested.
        "2024-01-04": (0, 0),
    }
    assert [version.markets for version in report.days.values()] == [
        {BTC: run.job_run_id},
        {BTC: run.job_run_id, ETH: "jr_a"},
        {BTC: run.job_run_id, ETH: "jr_b", SOL: "jr_a"},
        {BTC: run.job_run_id, ETH: "jr_a"},
    ]
    version = f"s3://lake/curated/crypto_prices/version={run.job_run_id}"
    assert report.days["2024-01-01"].location == f"{version}/year=2024/month=01/day=01/"
