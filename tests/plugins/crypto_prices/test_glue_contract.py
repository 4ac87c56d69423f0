"""The bundle and the Glue package are deployed apart and cannot import each other: what they share is compared here."""

import json
from datetime import date

from crypto_prices.fetch.markets import Market
from crypto_prices.fetch.raw_zone import RawManifest, RawObject
from crypto_prices_contract import lake_paths
from crypto_prices_contract.window import Window
from crypto_prices_etl import arguments
from crypto_prices_etl.lake_files import RunPaths
from crypto_prices_etl.raw_manifests import parse_raw_manifest


def test_both_sides_mean_the_same_curation_report():
    assert RunPaths("lake", "jr_1").curation_report_key == lake_paths.curation_report_key("jr_1")


def test_the_glue_job_reads_the_manifest_that_the_bundle_writes():
    candles = RawObject(
        uri="s3://lake/BTCUSDT-0001.json.gz",
        exchange_symbol="BTCUSDT",
        symbol="BTC",
        quote_currency="USDT",
        url="https://x/klines",
        status=200,
        fetched_at="2023-12-19T00:01:02.345Z",
        sha256="a" * 64,
        body_bytes=10,
        records=25,
        surplus=1,
    )
    written = RawManifest(
        uri="s3://lake/manifest.json",
        source="binance",
        window=Window.of_day(date(2023, 12, 18)),
        candle_interval="1h",
        attempt="a1",
        expected_records=24,
        markets=(Market("BTCUSDT", "BTC", "USDT"), Market("JTOUSDT", "JTO", "USDT")),
        objects=(candles,),
        written_at="2023-12-19T00:01:02.500Z",
    )
    document = json.loads(json.dumps(written.document()))
    read = parse_raw_manifest(written.uri, document, arguments.Window(date(2023, 12, 18), date(2023, 12, 19)))
    assert (read.source, read.candle_interval, read.records) == ("binance", "1h", 24)
    assert [(market.symbol, market.quote_currency) for market in read.markets] == [("BTC", "USDT"), ("JTO", "USDT")]
    assert [(read_object.uri, read_object.sha256, read_object.records) for read_object in read.objects] == [
        (candles.uri, candles.sha256, 25)
    ]
