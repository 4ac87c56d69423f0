from dataclasses import replace

import boto3
import pytest
from crypto_prices.records.record_zone import RecordConflictError, RecordZone
from moto import mock_aws

from tests.support.load_records import LOAD


@pytest.fixture
def zone(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "false")  # moto would load them twice for each test
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="records-lake")
        yield RecordZone(client, "records-lake")
        for item in client.list_objects_v2(Bucket="records-lake").get("Contents", []):
            client.delete_object(Bucket="records-lake", Key=item["Key"])
        client.delete_bucket(Bucket="records-lake")


def test_a_record_is_written_once_and_never_changed(zone):
    first = zone.write(LOAD)
    assert zone.read(LOAD.load_number) == first == LOAD.to_bytes()
    # Another writer found an object missing that was there before.
    later = replace(LOAD, copy_manifest=replace(LOAD.copy_manifest, etag=None, sha256=None))
    assert zone.write(later) == first
    assert zone.read(LOAD.load_number) == first


@pytest.mark.parametrize("other", [{"batch_id": "another"}, {"merged_at": "2024-12-19T00:03:41Z"}])
def test_the_record_of_another_warehouse_is_not_taken_for_the_loads(zone, other):
    zone.write(LOAD)
    with pytest.raises(
        RecordConflictError, match=r"loads/000000000002.json is the record of batch .* another warehouse"
    ):
        zone.write(replace(LOAD, **other))


def test_the_writer_starts_after_the_newest_record_before_a_load(zone):
    assert zone.last_before(4) == (0, None)
    content = zone.write(LOAD)
    assert zone.last_before(4) == zone.last_before(3) == (2, content)
    assert zone.last_before(2) == (0, None)
