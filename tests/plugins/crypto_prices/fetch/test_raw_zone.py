import gzip
import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import boto3
import pytest
from botocore.exceptions import ClientError
from crypto_prices.fetch.raw_zone import RawZone, is_whole, put_listings
from crypto_prices_contract.markets import Market
from crypto_prices_contract.window import Window
from moto import mock_aws

WINDOW = Window.of_day(date(2023, 12, 18))
NOW = datetime(2023, 12, 19, 0, 1, 2, 345678, tzinfo=UTC)
BTC, JTO = Market("BTCUSDT", "BTC", "USDT"), Market("JTOUSDT", "JTO", "USDT")


@pytest.fixture
def s3(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "false")  # moto would load them twice for each test
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="lake")
        yield client
        # If an outer mock is active, moto keeps the contents of the bucket.
        for key in keys(client):
            client.delete_object(Bucket="lake", Key=key)
        client.delete_bucket(Bucket="lake")


def page(body, records, surplus=0, hour=0):
    response = SimpleNamespace(body=body, url="https://x/klines?symbol=BTCUSDT", status=200, fetched_at=NOW)
    first = WINDOW.starts_at + timedelta(hours=hour)
    return SimpleNamespace(response=response, records=records, surplus=surplus, first=first, end=WINDOW.ends_at)


def zone(s3, attempt="a1", markets=(BTC,), listings=()):
    return RawZone(
        s3_client=s3,
        bucket="lake",
        source="binance",
        window=WINDOW,
        candle_interval="1h",
        attempt=attempt,
        markets=markets,
        expected_records=24,
        listings=listings,
    )


def fetch(s3, attempt="a1", body=b'[[1,"0.10"]]', when=NOW):
    raw = zone(s3, attempt, (BTC, JTO))
    raw.put_page(JTO, page(b"[]", 0))
    raw.put_page(BTC, page(body, 1))
    return raw.commit(when)


def keys(s3):
    return [entry["Key"] for entry in s3.list_objects_v2(Bucket="lake").get("Contents", [])]


PREFIX = "raw/crypto_prices/source=binance/year=2023/month=12/day=18/window=20231218-20231219/attempt=a1/"


def test_bodies_are_stored_byte_for_byte_and_described_in_the_manifest(s3):
    body = b'[[1702857600000,"41364.77000000","0.10"]]\n'
    manifest = fetch(s3, body=body)
    assert keys(s3) == [PREFIX + name for name in ("BTCUSDT-0001.json.gz", "JTOUSDT-0001.json.gz", "manifest.json")]
    stored = s3.get_object(Bucket="lake", Key=PREFIX + "BTCUSDT-0001.json.gz")
    assert gzip.decompress(stored["Body"].read()) == body
    # Some readers would unpack it, and then fail to unpack what they believe is a .gz file.
    assert (stored["ContentType"], stored.get("ContentEncoding")) == ("application/gzip", None)

    assert manifest.uri == f"s3://lake/{PREFIX}manifest.json"
    described = {obj.uri.rpartition("/")[2]: obj for obj in manifest.objects}["BTCUSDT-0001.json.gz"]
    assert (f'"{described.etag}"', described.version_id) == (stored["ETag"], None)  # the bucket has no versioning
    document = json.loads(s3.get_object(Bucket="lake", Key=PREFIX + "manifest.json")["Body"].read())
    assert document["records"] == 1
    assert document["window"] == {"start": "2023-12-18", "end": "2023-12-19"}
    assert document["content_hash"] == manifest.content_hash
    assert document["written_at"] == manifest.written_at == "2023-12-19T00:01:02.345Z"
    assert document["objects"][0] == {
        "uri": f"s3://lake/{PREFIX}BTCUSDT-0001.json.gz",
        "exchange_symbol": "BTCUSDT",
        "symbol": "BTC",
        "quote_currency": "USDT",
        "url": "https://x/klines?symbol=BTCUSDT",
        "status": 200,
        "fetched_at": "2023-12-19T00:01:02.345Z",
        "sha256": hashlib.sha256(body).hexdigest(),
        "body_bytes": len(body),
        "records": 1,
        "surplus": 0,
        "requested_from": "2023-12-18T00:00:00.000Z",
        "requested_until": "2023-12-19T00:00:00.000Z",
        "etag": stored["ETag"].strip('"'),
        "version_id": None,
    }


LISTING = PREFIX.replace("attempt=a1", "listing=l1") + "markets-0001.json.gz"


def put_listing(s3, body=b'{"symbols": [1.50]}\n'):
    return put_listings(
        s3,
        bucket="lake",
        source="binance",
        window=WINDOW,
        attempt="l1",
        responses=[SimpleNamespace(body=body, url="https://x/exchangeInfo", status=200, fetched_at=NOW)],
    )


def test_the_exchanges_description_of_its_markets_is_stored_byte_for_byte_and_listed(s3):
    body = b'{"symbols": [1.50]}\n'
    listings = put_listing(s3, body)
    assert keys(s3) == [LISTING]
    assert gzip.decompress(s3.get_object(Bucket="lake", Key=LISTING)["Body"].read()) == body
    raw = zone(s3, listings=listings)
    raw.put_page(BTC, page(b"[]", 0))
    etag = s3.head_object(Bucket="lake", Key=LISTING)["ETag"].strip('"')
    assert raw.commit(NOW).to_json()["listings"] == [
        {
            "uri": f"s3://lake/{LISTING}",
            "url": "https://x/exchangeInfo",
            "status": 200,
            "fetched_at": "2023-12-19T00:01:02.345Z",
            "sha256": hashlib.sha256(body).hexdigest(),
            "body_bytes": len(body),
            "etag": etag,
            "version_id": None,
        }
    ]


@pytest.mark.parametrize("lost", ["manifest.json", "BTCUSDT-0001.json.gz", LISTING])
def test_a_fetch_is_whole_only_with_everything_that_it_lists(s3, lost):
    raw = zone(s3, listings=put_listing(s3))
    raw.put_page(BTC, page(b"[]", 0))
    uri = raw.commit(NOW).uri
    assert is_whole(s3, uri)
    (key,) = [key for key in keys(s3) if key.endswith(lost)]
    s3.delete_object(Bucket="lake", Key=key)
    assert not is_whole(s3, uri)


def test_a_fetch_of_another_version_of_the_manifest_is_not_whole(s3):
    """The Glue job cannot read it, so its day must be fetched again."""
    uri = fetch(s3).uri
    key = uri.removeprefix("s3://lake/")
    document = json.loads(s3.get_object(Bucket="lake", Key=key)["Body"].read())
    document["manifest_version"] -= 1
    del document["listings"]
    s3.put_object(Bucket="lake", Key=key, Body=json.dumps(document).encode())
    assert not is_whole(s3, uri)


def test_a_market_without_candles_is_recorded_as_a_gap(s3):
    manifest = fetch(s3)
    assert manifest.gaps == ["JTOUSDT"]
    outcomes = {entry["exchange_symbol"]: entry["outcome"] for entry in manifest.to_json()["symbols"]}
    assert outcomes == {"BTCUSDT": "missing_candles", "JTOUSDT": "no_candles"}
    assert manifest.incomplete == {"BTCUSDT": 1}
    assert manifest.to_json()["expected_records_per_market"] == 24


def test_a_complete_market_is_neither_a_gap_nor_incomplete(s3):
    raw = zone(s3)
    raw.put_page(BTC, page(b"[1]", 20))
    raw.put_page(BTC, page(b"[2]", 4))
    manifest = raw.commit(NOW)
    assert (manifest.gaps, manifest.incomplete) == ([], {})
    assert [entry["outcome"] for entry in manifest.to_json()["symbols"]] == ["candles"]


def test_surplus_is_stored_but_does_not_count_as_fetched(s3):
    raw = zone(s3)
    raw.put_page(BTC, page(b"[1,2,3]", 25, surplus=1))
    manifest = raw.commit(NOW)
    assert (manifest.records, manifest.incomplete) == (24, {})
    document = manifest.to_json()
    assert (document["records"], document["surplus"]) == (24, 1)
    assert (document["objects"][0]["records"], document["objects"][0]["surplus"]) == (25, 1)
    assert document["symbols"][0]["records"] == 24


def test_a_market_with_only_surplus_records_is_a_gap(s3):
    raw = zone(s3)
    raw.put_page(BTC, page(b"[1]", 1, surplus=1))
    assert raw.commit(NOW).gaps == ["BTCUSDT"]


def test_markets_can_be_stored_by_parallel_threads(s3):
    markets = [Market(f"C{number}USDT", f"C{number}", "USDT") for number in range(8)]
    raw = zone(s3, markets=markets)

    def land(market):
        for number in range(5):
            raw.put_page(market, page(f"[{number}]".encode(), 1))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(land, markets))
    landed = [obj.uri.rsplit("/", 1)[-1] for obj in raw.commit(NOW).objects]
    assert landed == [f"{market.exchange_symbol}-{page:04d}.json.gz" for market in markets for page in range(1, 6)]


def test_both_empty_responses_are_stored_and_listed(s3):
    raw = zone(s3)
    for _ in range(2):
        raw.put_page(BTC, page(b"[]", 0))
    names = ["BTCUSDT-0001.json.gz", "BTCUSDT-0002.json.gz"]
    assert [obj.uri.rpartition("/")[2] for obj in raw.commit(NOW).objects] == names
    assert [key.rpartition("/")[2] for key in keys(s3)] == [*names, "manifest.json"]


def test_nothing_is_visible_before_the_manifest(s3):
    raw = zone(s3)
    raw.put_page(BTC, page(b"[]", 0))
    assert not [key for key in keys(s3) if key.endswith("manifest.json")]


def test_pages_of_a_market_are_numbered_and_never_replaced(s3):
    raw = zone(s3)
    raw.put_page(BTC, page(b"[1]", 1))
    raw.put_page(BTC, page(b"[2]", 1))
    assert [key.rsplit("/")[-1] for key in keys(s3)] == ["BTCUSDT-0001.json.gz", "BTCUSDT-0002.json.gz"]
    again = zone(s3)
    with pytest.raises(ClientError, match="PreconditionFailed"):
        again.put_page(BTC, page(b"[3]", 1))


def test_another_attempt_has_its_own_prefix(s3):
    fetch(s3, "a1")
    fetch(s3, "a2")
    assert len(keys(s3)) == 6


def test_the_content_hash_depends_only_on_the_content(s3):
    first = fetch(s3, "a1")
    assert fetch(s3, "a2", when=datetime(2024, 1, 1, tzinfo=UTC)).content_hash == first.content_hash
    assert fetch(s3, "a3", body=b'[[1,"0.11"]]').content_hash != first.content_hash
    assert replace(first, candle_interval="1m").content_hash != first.content_hash
    assert replace(first, markets=(BTC,)).content_hash != first.content_hash


def test_an_empty_response_before_the_candles_does_not_change_the_content_hash(s3):
    first = zone(s3, "a1")
    first.put_page(BTC, page(b"[1]", 1))
    second = zone(s3, "a2")
    second.put_page(BTC, page(b"[]", 0))
    second.put_page(BTC, page(b"[1]", 1))
    assert second.commit(NOW).content_hash == first.commit(NOW).content_hash
