import copy
import json
from dataclasses import replace

import pytest
from crypto_prices_contract.markets import Market
from crypto_prices_contract.raw_manifest import RawListing, RawManifest, RawManifestError, RawObject
from crypto_prices_contract.window import Window

CANDLES = RawObject(
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
    requested_from="2023-12-18T00:00:00.000Z",
    requested_until="2023-12-19T00:00:00.000Z",
    etag="c" * 32,
    version_id="v1",
)
MANIFEST = RawManifest(
    uri="s3://lake/manifest.json",
    source="binance",
    window=Window.parse("2023-12-18", "2023-12-19"),
    candle_interval="1h",
    attempt="a1",
    expected_records=24,
    markets=(Market("BTCUSDT", "BTC", "USDT"), Market("JTOUSDT", "JTO", "USDT")),
    objects=(CANDLES,),
    written_at="2023-12-19T00:01:02.500Z",
    listings=(
        RawListing(
            uri="s3://lake/markets-0001.json.gz",
            url="https://x/exchangeInfo",
            status=200,
            fetched_at="2023-12-19T00:01:01.000Z",
            sha256="b" * 64,
            body_bytes=20,
            etag="d" * 32,
            version_id=None,
        ),
    ),
)


def test_a_manifest_survives_json():
    document = json.loads(json.dumps(MANIFEST.to_json()))
    assert RawManifest.from_json(MANIFEST.uri, document) == MANIFEST
    assert (document["records"], document["surplus"]) == (24, 1)
    assert [entry["outcome"] for entry in document["symbols"]] == ["candles", "no_candles"]


def test_the_content_hash_has_the_markets_names_and_not_the_listings():
    """A load of the same responses under other names is another load. exchangeInfo has the time of its response."""
    renamed = Market("JTOUSDT", "JITO", "USDT")
    assert replace(MANIFEST, markets=(MANIFEST.markets[0], renamed)).content_hash != MANIFEST.content_hash
    assert replace(MANIFEST, listings=()).content_hash == MANIFEST.content_hash


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["source"], None, "source is None, not a text"),
        (["objects", 0, "records"], "25", "records is '25', not a whole number"),
        (["objects", 0, "surplus"], True, "surplus is True, not a whole number"),
        (["window", "end"], "2023-12-18", "must end after it starts"),
        (["objects", 0, "requested_from"], 0, "requested_from is 0, not a text"),
        (["objects", 0, "version_id"], 1, "version_id is 1, not a text"),
        (["objects", 0, "symbol"], "ETH", r"objects of markets that it does not list: \['BTCUSDT'\]"),
        (["listings"], None, "not a complete raw manifest"),
        (["listings", 0, "status"], "200", "status is '200', not a whole number"),
        (["records"], 25, "counts 25 records, but its objects have 24"),
    ],
)
def test_an_invalid_manifest_is_refused_and_named(path, value, message):
    document = copy.deepcopy(MANIFEST.to_json())
    *above, last = path
    place = document
    for step in above:
        place = place[step]
    place[last] = value
    with pytest.raises(RawManifestError, match=message) as error:
        RawManifest.from_json(MANIFEST.uri, document)
    assert MANIFEST.uri in str(error.value)
