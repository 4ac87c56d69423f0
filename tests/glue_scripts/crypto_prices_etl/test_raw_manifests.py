from __future__ import annotations

import copy

import pytest
from crypto_prices_contract.window import Window
from crypto_prices_etl.errors import CurationError
from crypto_prices_etl.raw_manifests import parse_raw_manifest, read_raw_manifests

WINDOW = Window.parse("2023-12-18", "2023-12-19")
OBJECT = {
    "uri": "s3://b/raw/source=binance/window=20231218-20231219/BTCUSDT-0001.json.gz",
    "url": "https://exchange.test/klines",
    "status": 200,
    "sha256": "00",
    "body_bytes": 2,
    "records": 24,
    "surplus": 0,
    "requested_from": "2023-12-18T00:00:00.000Z",
    "requested_until": "2023-12-19T00:00:00.000Z",
    "fetched_at": "2023-12-19T00:00:00Z",
    "exchange_symbol": "BTCUSDT",
    "symbol": "BTC",
    "quote_currency": "USDT",
    "etag": "e" * 32,
    "version_id": None,
}
MANIFEST = {
    "manifest_version": 3,
    "dataset": "crypto_prices",
    "source": "binance",
    "window": {"start": "2023-12-18", "end": "2023-12-19"},
    "candle_interval": "1h",
    "attempt": "a1",
    "written_at": "2023-12-19T00:00:01Z",
    "expected_records_per_market": 24,
    "records": 24,
    "objects": [OBJECT],
    "listings": [],
    "symbols": [{"exchange_symbol": "BTCUSDT", "symbol": "BTC", "quote_currency": "USDT"}],
}


def test_a_manifest_is_read():
    manifest = parse_raw_manifest("s3://b/m", MANIFEST, WINDOW)
    assert (manifest.source, manifest.candle_interval, manifest.records) == ("binance", "1h", 24)
    assert manifest.objects[0].uri == OBJECT["uri"]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["manifest_version"], 2, "version 3"),
        (["dataset"], "other", "crypto_prices"),
        (["window", "end"], "2023-12-20", "but the run has"),
        (["records"], 25, "counts 25 records, but its objects have 24"),
        (["objects"], None, "not a complete raw manifest"),
        (["objects", 0, "uri"], "s3://b/raw/a b.json.gz", "characters that Spark would change"),
        (["objects", 0, "uri"], "s3://b/raw/*.json.gz", "characters that Spark would change"),
        (["objects", 0, "uri"], "s3://b/" + "k" * 1024, "1 to 1024 bytes"),
        (["source"], "s" * 33, "1 to 32 bytes"),
    ],
)
def test_an_invalid_manifest_is_refused_and_named(path, value, message):
    content = copy.deepcopy(MANIFEST)
    place = content
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(CurationError, match=message):
        parse_raw_manifest("s3://b/m", content, WINDOW)


def test_a_symbol_that_is_too_long_for_the_warehouse_is_refused():
    content = copy.deepcopy(MANIFEST)
    for place in (content["objects"][0], content["symbols"][0]):
        place["symbol"] = "S" * 33
    with pytest.raises(CurationError, match=r"^symbol .* must have 1 to 32 bytes"):
        parse_raw_manifest("s3://b/m", content, WINDOW)


def test_missing_manifests_and_objects_listed_twice_are_refused(lake):
    with pytest.raises(CurationError, match=r"missing\.json does not exist"):
        read_raw_manifests(lake.s3, ["s3://crypto-prices-lake/missing.json"], WINDOW)
    with pytest.raises(CurationError, match="is not the s3:// URI of an object"):
        read_raw_manifests(lake.s3, ["/tmp/manifest.json"], WINDOW)
    one = lake.raw({"BTCUSDT": "[]"})
    with pytest.raises(CurationError, match="listed twice"):
        read_raw_manifests(lake.s3, [one, one], WINDOW)
