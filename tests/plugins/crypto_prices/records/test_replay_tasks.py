"""The first tasks of a run that loads stored responses again: they ask no exchange, whatever the settings are today."""

import hashlib
import json
from dataclasses import replace
from types import SimpleNamespace

import boto3
import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.utils.types import DagRunType
from crypto_prices.fetch.fetch_prices import FetchPricesOperator
from crypto_prices.plan.resolve_window import ResolveWindowOperator
from crypto_prices_contract.load_record import RecordedSource
from crypto_prices_contract.stored_objects import StoredDocument
from moto import mock_aws

from tests.support.load_records import LOAD
from tests.support.raw_manifests import MANIFEST

BUCKET = "replay-lake"
PARAMS = {
    "load_record": None,
    "raw_manifests": [],
    "accepted_sources": [],
    "accepted_because": None,
    "accepted_by": None,
}
DAYS = {"start": "2023-12-18", "end": "2023-12-19"}


@pytest.fixture
def lake(monkeypatch):
    """A lake with the manifests of two sources, and no settings at all."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "false")  # moto would load them for each test
    monkeypatch.delenv("AIRFLOW_VAR_CRYPTO_PRICES_SETTINGS", raising=False)
    with mock_aws():
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        for source in ("binance", "delisted"):
            put(s3, f"raw/{source}.json", replace(MANIFEST, source=source).to_json())
        yield s3
        for item in s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
            s3.delete_object(Bucket=BUCKET, Key=item["Key"])
        s3.delete_bucket(Bucket=BUCKET)


def put(s3, key, document):
    body = json.dumps(document).encode()
    s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    return StoredDocument(f"s3://{BUCKET}/{key}", None, None, hashlib.sha256(body).hexdigest())


def record(s3, *sources, **changes):
    """Put the record of a load of some sources into the lake, and return its URI."""
    recorded = []
    for source in sources:
        stored = put(s3, f"raw/{source}.json", replace(MANIFEST, source=source).to_json())
        one: RecordedSource = replace(LOAD.sources[0], source=source, raw_manifest=stored)
        recorded.append(one)
    body = replace(LOAD, sources=tuple(recorded), **changes).to_bytes()
    s3.put_object(Bucket=BUCKET, Key="loads/2.json", Body=body)
    return f"s3://{BUCKET}/loads/2.json"


def resolve(**arguments):
    pushed = {}
    context = {
        "dag_run": SimpleNamespace(conf={}, run_type=DagRunType.MANUAL, triggering_user_name="ada"),
        "dag": SimpleNamespace(params=PARAMS),
        "params": PARAMS,
        "ti": SimpleNamespace(xcom_push=lambda key, value: pushed.update({key: value})),
    }
    items = ResolveWindowOperator(task_id="resolve_window", **(DAYS | arguments)).execute(context)
    assert pushed == {"expected_markets": []}
    return items


def fetch(item):
    return FetchPricesOperator(task_id="fetch_prices", **json.loads(json.dumps(item))).execute({})


def test_a_replay_takes_sources_and_markets_from_the_manifests(lake):
    items = resolve(load_record=record(lake, "binance", "delisted"))
    assert [(item["source"], item["window_start"], item["window_end"]) for item in items] == [
        ("binance", "2023-12-18", "2023-12-19"),
        ("delisted", "2023-12-18", "2023-12-19"),
    ]
    fetched = fetch(items[1])
    uri = f"s3://{BUCKET}/raw/delisted.json"
    manifest = replace(MANIFEST, source="delisted", uri=uri)
    assert (fetched["source"], fetched["raw_manifest"]) == ("delisted", uri)
    assert (fetched["content_hash"], fetched["fetched_at"]) == (manifest.content_hash, manifest.written_at)
    assert (fetched["markets"], fetched["gaps"]) == (["BTC/USDT", "JTO/USDT"], ["JTOUSDT"])


def test_a_manifest_that_is_not_the_one_that_was_loaded_is_refused(lake):
    (item,) = resolve(load_record=record(lake, "binance"))
    put(lake, "raw/binance.json", replace(MANIFEST, written_at="2023-12-19T00:01:02.501Z").to_json())
    with pytest.raises(AirflowFailException, match="but the one that was loaded had"):
        fetch(item)
    lake.delete_object(Bucket=BUCKET, Key="raw/binance.json")
    with pytest.raises(AirflowFailException, match=r"raw/binance.json is missing"):
        fetch(item)


def test_stored_manifests_are_loaded_without_a_record(lake):
    uris = [f"s3://{BUCKET}/raw/{source}.json" for source in ("delisted", "binance")]
    items = resolve(raw_manifests=json.dumps(uris))
    assert [(item["source"], item["raw_manifest"]) for item in items] == [("binance", uris[1]), ("delisted", uris[0])]
    assert fetch(items[0])["records"] == 24


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"load_record": f"s3://{BUCKET}/loads/9.json"}, r"loads/9.json is missing"),
        ({"load_record": f"s3://{BUCKET}/raw/binance.json"}, "not a version 1 load record"),
        ({"raw_manifests": json.dumps([f"s3://{BUCKET}/raw/gone.json"])}, r"raw/gone.json is missing"),
        (
            {"raw_manifests": json.dumps([f"s3://{BUCKET}/raw/binance.json"] * 2)},
            "two raw manifests have the same source",
        ),
        ({"raw_manifests": json.dumps([f"s3://{BUCKET}/raw/binance.json"]), "end": "2023-12-20"}, "start and end are"),
    ],
)
def test_what_cannot_be_loaded_again_is_refused(lake, arguments, message):
    with pytest.raises(AirflowFailException, match=message):
        resolve(**arguments)
