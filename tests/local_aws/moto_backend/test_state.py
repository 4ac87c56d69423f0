import contextlib
import functools
import io
import json
import os
import sqlite3

import pytest

from local_aws.clients import local_client
from local_aws.front.call_log import CallLog
from local_aws.front.server import Front, HttpServer
from local_aws.moto_backend.journal import Journal, StateVersionError
from local_aws.moto_backend.state import MotoState, changes_state
from local_aws.protocol.errors import AwsError
from local_aws.protocol.http_request import HttpRequest


def _headers(service, target=None):
    scope = f"20240101/us-east-1/{service}/aws4_request"
    headers = [("host", "127.0.0.1:1"), ("authorization", f"AWS4-HMAC-SHA256 Credential=key/{scope}, Signature=0")]
    if target is not None:
        headers += [("x-amz-target", target), ("content-type", "application/x-amz-json-1.1")]
    return tuple(headers)


class _Moto:
    """A MotoState with shortcuts for the requests of these tests."""

    def __init__(self, folder):
        self.state = MotoState(folder / "journal.sqlite")

    def s3(self, operation, method, path, body=b"", query=""):
        return self.state.respond("s3", operation, HttpRequest(method, path, query, _headers("s3"), body))

    def json(self, service, target, **params):
        request = HttpRequest("POST", "/", "", _headers(service, target), json.dumps(params).encode())
        return self.state.respond(service, target.rpartition(".")[2], request)

    def versions(self):
        return self.s3("ListObjectVersions", "GET", "/lake", query="versions").body

    def fill(self, count):
        self.s3("CreateBucket", "PUT", "/lake")
        versioning = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
        self.s3("PutBucketVersioning", "PUT", "/lake", versioning, "versioning")
        for number in range(count):
            self.s3("PutObject", "PUT", "/lake/one", str(number).encode())


@pytest.mark.usefixtures("starts_local_aws")
def test_the_whole_state_is_the_same_after_a_kill(tmp_path):
    with _served(tmp_path, orderly=False) as running:
        _create_much(running)
        before = _everything(running)
    assert not (tmp_path / "journal.snapshot").exists()  # so the journal must be right
    with _served(tmp_path) as running:
        assert _everything(running) == before
    assert (tmp_path / "journal.snapshot").exists()  # an orderly stop saves one
    with _served(tmp_path) as running:
        assert _everything(running) == before


class _Served:
    """The front and moto in this process, because importing moto's services takes most of a start."""

    def __init__(self, endpoint):
        self.client = functools.cache(lambda service: local_client(service, endpoint))  # each takes a tenth of a second


@contextlib.contextmanager
def _served(folder, *, orderly=True):
    moto = MotoState(folder / "journal.sqlite")  # this empties moto first
    log = CallLog(folder / "calls.jsonl")
    server = HttpServer(Front(moto=moto, services={}, call_log=log), port=0)
    server.start()
    try:
        yield _Served(server.endpoint)
    finally:
        server.stop()
        log.close()
        # After a kill, only the files remain. test_emulator.py kills a whole process.
        (moto if orderly else moto._journal).close()


def _create_much(running):
    s3, glue, iam = (running.client(name) for name in ("s3", "glue", "iam"))
    s3.create_bucket(Bucket="lake")
    running.client("ec2").describe_vpcs()  # a read that makes moto build a backend with a default VPC
    running.client("events").describe_event_bus()
    s3.put_bucket_versioning(Bucket="lake", VersioningConfiguration={"Status": "Enabled"})
    for body in (b"first", b"second", os.urandom(100_000)):
        s3.put_object(Bucket="lake", Key="a=1/b c+é%2F/x", Body=body, Metadata={"my_key": "v"}, ContentType="text/x")
    s3.delete_object(Bucket="lake", Key="a=1/b c+é%2F/x")
    s3.put_object(Bucket="lake", Key="kept", Body=io.BytesIO(b"streamed"), ChecksumAlgorithm="SHA256")
    s3.copy_object(Bucket="lake", Key="copy", CopySource={"Bucket": "lake", "Key": "kept"})
    upload = s3.create_multipart_upload(Bucket="lake", Key="big")["UploadId"]
    parts = []
    for number, body in enumerate((os.urandom(5 * 1024 * 1024), b"tail"), 1):
        part = s3.upload_part(Bucket="lake", Key="big", UploadId=upload, PartNumber=number, Body=body)
        parts.append({"ETag": part["ETag"], "PartNumber": number})
    s3.complete_multipart_upload(Bucket="lake", Key="big", UploadId=upload, MultipartUpload={"Parts": parts})
    upload = s3.create_multipart_upload(Bucket="lake", Key="unfinished")["UploadId"]
    s3.upload_part(Bucket="lake", Key="unfinished", UploadId=upload, PartNumber=1, Body=b"part")
    manager = running.client("secretsmanager")
    arn = manager.create_secret(Name="path/secret", SecretString="one")["ARN"]
    manager.put_secret_value(SecretId=arn, SecretString="two")
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "glue.amazonaws.com"}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam.create_role(RoleName="reader", AssumeRolePolicyDocument=document)
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    iam.put_role_policy(RoleName="reader", PolicyName="p", PolicyDocument=json.dumps(policy))
    iam.attach_role_policy(RoleName="reader", PolicyArn="arn:aws:iam::aws:policy/service-role/AWSGlueServiceRole")
    glue.create_database(DatabaseInput={"Name": "db"})
    keys = [{"Name": "day", "Type": "string"}]
    glue.create_table(DatabaseName="db", TableInput={"Name": "t", "PartitionKeys": keys})
    for day in ("01", "02"):
        descriptor = {"Location": f"s3://lake/{day}"}
        glue.create_partition(
            DatabaseName="db", TableName="t", PartitionInput={"Values": [day], "StorageDescriptor": descriptor}
        )
    glue.create_job(Name="job", Role="reader", Command={"Name": "glueetl"}, GlueVersion="6.0")
    logs = running.client("logs")
    logs.create_log_group(logGroupName="group")
    logs.create_log_stream(logGroupName="group", logStreamName="stream")
    logs.put_log_events(
        logGroupName="group", logStreamName="stream", logEvents=[{"timestamp": 1_700_000_000_000, "message": "hello"}]
    )
    running.client("sns").create_topic(Name="alerts")
    running.client("kms").create_key(Description="key")
    running.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")
    running.client("cloudwatch").put_metric_alarm(
        AlarmName="alarm", MetricName="m", Namespace="n", Period=60, EvaluationPeriods=1, Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold", Statistic="Sum",
    )  # fmt: skip
    running.client("events").put_rule(Name="rule", ScheduleExpression="rate(1 day)")


def _everything(running):
    """Return the services' responses about all resources, including bodies."""
    s3, glue, iam = (running.client(name) for name in ("s3", "glue", "iam"))
    manager = running.client("secretsmanager")
    versions = s3.list_object_versions(Bucket="lake")
    found = {
        "versions": versions["Versions"],
        "deleted": versions["DeleteMarkers"],
        "bodies": [
            s3.get_object(Bucket="lake", Key=version["Key"], VersionId=version["VersionId"])["Body"].read()
            for version in versions["Versions"]
        ],
        "head": s3.head_object(Bucket="lake", Key="kept"),
        "metadata": [
            s3.head_object(Bucket="lake", Key=v["Key"], VersionId=v["VersionId"])["Metadata"]
            for v in versions["Versions"]
        ],
        "uploads": s3.list_multipart_uploads(Bucket="lake")["Uploads"],
        "parts": [
            s3.list_parts(Bucket="lake", Key=upload["Key"], UploadId=upload["UploadId"])["Parts"]
            for upload in s3.list_multipart_uploads(Bucket="lake")["Uploads"]
        ],
        "buckets": s3.list_buckets()["Buckets"],
        "secret": manager.describe_secret(SecretId="path/secret"),
        "value": manager.get_secret_value(SecretId="path/secret"),
        "role": iam.get_role(RoleName="reader")["Role"],
        "policies": iam.list_attached_role_policies(RoleName="reader")["AttachedPolicies"],
        "table": glue.get_table(DatabaseName="db", Name="t")["Table"],
        "partitions": glue.get_partitions(DatabaseName="db", TableName="t")["Partitions"],
        "job": glue.get_job(JobName="job")["Job"],
        "logs": running.client("logs").get_log_events(logGroupName="group", logStreamName="stream")["events"],
        "topics": running.client("sns").list_topics()["Topics"],
        "keys": running.client("kms").list_keys()["Keys"],
        "vpcs": running.client("ec2").describe_vpcs()["Vpcs"],
        "alarms": running.client("cloudwatch").describe_alarms()["MetricAlarms"],
        "rules": running.client("events").list_rules()["Rules"],
        "bus": running.client("events").describe_event_bus(),
    }
    for answer in found.values():
        if isinstance(answer, dict):
            answer.pop("ResponseMetadata", None)
    found["secret"].pop("LastAccessedDate", None)  # a read changes it, and reads are not journaled
    assert len(found["versions"]) == 6
    assert {"my_key": "v"} in found["metadata"]
    return found


def test_the_state_is_restored_from_a_snapshot_and_the_later_journal(tmp_path, monkeypatch):
    monkeypatch.setattr("local_aws.moto_backend.state.SNAPSHOT_AFTER_CHANGES", 5)
    moto = _Moto(tmp_path)
    moto.fill(6)  # 8 changes: a snapshot after the fifth
    before = moto.versions()
    moto.state._journal.close()  # like a kill: no snapshot at the end

    again = _Moto(tmp_path)
    assert again.state.replayed == 3
    assert again.versions() == before
    again.s3("PutObject", "PUT", "/lake/one", b"newest")
    newest = again.versions()
    again.state.close()
    assert newest != before
    assert _Moto(tmp_path).versions() == newest


@pytest.mark.parametrize("spoil", [lambda file: file.write_bytes(b"\x80no"), lambda file: file.unlink()])
def test_an_unusable_snapshot_costs_only_time(tmp_path, spoil):
    moto = _Moto(tmp_path)
    moto.fill(2)
    before = moto.versions()
    moto.state.close()
    spoil(tmp_path / "journal.snapshot")
    again = _Moto(tmp_path)
    assert (again.state.replayed, again.versions()) == (4, before)
    again.state.close()


def test_a_snapshot_of_another_journal_is_not_used(tmp_path):
    moto = _Moto(tmp_path / "old")
    moto.fill(1)
    moto.state.close()
    empty = _Moto(tmp_path / "new")
    empty.state.close()
    (tmp_path / "old" / "journal.snapshot").rename(tmp_path / "new" / "journal.snapshot")
    again = _Moto(tmp_path / "new")
    assert again.s3("HeadBucket", "HEAD", "/lake").status == 404
    again.state.close()


def test_only_successful_changes_are_journaled(tmp_path):
    moto = _Moto(tmp_path)
    moto.fill(1)
    assert moto.s3("PutObject", "PUT", "/no-such-bucket/x", b"").status == 404
    assert moto.s3("GetObject", "GET", "/lake/one").status == 200
    moto.state.close()
    with sqlite3.connect(tmp_path / "journal.sqlite") as database:
        operations = [row[0] for row in database.execute("SELECT operation FROM entry ORDER BY id")]
    assert operations == ["CreateBucket", "PutBucketVersioning", "PutObject"]


def test_versions_never_share_a_timestamp(tmp_path, monkeypatch):
    monkeypatch.setattr("local_aws.moto_backend.state.time.time", lambda: 1_700_000_000.0)
    moto = _Moto(tmp_path)
    moto.fill(3)
    moto.state.close()
    with sqlite3.connect(tmp_path / "journal.sqlite") as database:
        moments = [row[0] for row in database.execute("SELECT at FROM entry ORDER BY id")]
    assert moments == sorted(set(moments))


def test_a_state_of_another_moto_version_is_refused(tmp_path):
    Journal(tmp_path / "journal.sqlite").close()
    with sqlite3.connect(tmp_path / "journal.sqlite") as database:
        database.execute("UPDATE written_by SET version = '4.9.9' WHERE what = 'moto'")
    with pytest.raises(StateVersionError, match=r"moto 4\.9\.9.*delete the state directory"):
        MotoState(tmp_path / "journal.sqlite")


def test_a_change_that_moto_no_longer_accepts_is_refused(tmp_path):
    moto = _Moto(tmp_path)
    moto.fill(1)
    moto.state._journal.close()
    with sqlite3.connect(tmp_path / "journal.sqlite") as database:
        database.execute("DELETE FROM entry WHERE operation = 'CreateBucket'")
    with pytest.raises(RuntimeError, match="delete the state directory"):
        MotoState(tmp_path / "journal.sqlite")


def test_only_the_owner_can_read_the_journal(tmp_path):
    moto = _Moto(tmp_path)
    moto.fill(1)
    moto.state.close()
    assert {path.name: path.stat().st_mode & 0o077 for path in tmp_path.glob("journal.s*[et]")} == {
        "journal.sqlite": 0,
        "journal.snapshot": 0,
    }


def test_random_numbers_outside_of_moto_stay_random(tmp_path):
    moto = _Moto(tmp_path)
    moto.fill(1)
    assert os.urandom(16) != os.urandom(16)
    moto.state.close()


def test_operations_that_moto_lacks_are_refused(tmp_path):
    moto = _Moto(tmp_path)
    with pytest.raises(AwsError) as caught:
        moto.json("glue", "AWSGlue.CreateGlossary", Name="x")
    assert (caught.value.code, caught.value.status) == ("NotImplemented", 501)
    moto.state.close()


@pytest.mark.parametrize(
    ("operation", "changes"),
    [
        ("GetObject", False), ("ListBuckets", False), ("HeadObject", False), ("DescribeVpcs", False),
        ("BatchGetPartition", False), ("Decrypt", False), ("GenerateDataKeyWithoutPlaintext", False),
        ("PutObject", True), ("AssumeRole", True), ("GetSessionToken", True), ("BatchCreatePartition", True),
        ("CreateKey", True), ("TagResource", True), ("SomethingNew", True),
    ],
)  # fmt: skip
def test_operations_that_are_not_known_to_read_count_as_changes(operation, changes):
    assert changes_state(operation) is changes
