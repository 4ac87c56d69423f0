"""Members that moto would read over or believe: refused, or really done."""

import pytest
from botocore.exceptions import ClientError

from local_aws.clients import local_client
from local_aws.front.pretended import _IGNORED, ignored_members
from local_aws.protocol.service_models import load_service_model

JOB = {"Role": "r", "Command": {"Name": "glueetl", "ScriptLocation": "s3://b/k.py"}}
TABLE = {"DatabaseName": "crypto", "TableName": "prices"}


@pytest.fixture(scope="module")
def client(moto_endpoint):
    return lambda service: local_client(service, moto_endpoint)


@pytest.fixture(scope="module")
def glue(client):
    glue = client("glue")
    glue.create_database(DatabaseInput={"Name": "crypto"})
    glue.create_table(DatabaseName="crypto", TableInput={"Name": "prices"})
    glue.create_job(Name="job", **JOB)
    return glue


def _code(call, **members):
    with pytest.raises(ClientError) as caught:
        call(**members)
    return caught.value.response["Error"]["Code"]


@pytest.mark.parametrize(
    ("call", "members"),
    [
        ("create_job", {"Name": "new", **JOB, "JobRunQueuingEnabled": True}),
        ("create_job", {"Name": "new", **JOB, "JobMode": "VISUAL"}),
        ("create_job", {"Name": "new", **JOB, "MaintenanceWindow": "Sun:00"}),
        ("update_job", {"JobName": "job", "JobUpdate": {**JOB, "JobRunQueuingEnabled": True}}),
        ("update_job", {"JobName": "job", "JobUpdate": {**JOB, "JobMode": "NOTEBOOK"}}),
        ("get_partitions", {**TABLE, "QueryAsOfTime": "2024-01-01"}),
        ("get_partitions", {**TABLE, "CatalogId": "210987654321"}),
        ("get_tables", {"DatabaseName": "crypto", "MaxResults": 1}),
        ("update_table", {"DatabaseName": "crypto", "TableInput": {"Name": "prices"}, "VersionId": "1"}),
    ],
)
def test_a_member_that_nothing_here_honours_is_refused(glue, call, members):
    assert _code(getattr(glue, call), **members) == "NotImplemented"
    assert glue.get_job(JobName="job")["Job"]["Command"]["ScriptLocation"] == "s3://b/k.py"


def test_the_models_constraints_hold_for_what_moto_answers(glue):
    hundred_one = [{"Values": ["11", str(n)]} for n in range(101)]
    assert _code(glue.batch_create_partition, **TABLE, PartitionInputList=hundred_one) == "ValidationException"
    assert _code(glue.create_job, Name="new", **JOB, WorkerType="G.99X") == "ValidationException"
    capacity = {"MaxCapacity": 2.0, "WorkerType": "G.1X", "NumberOfWorkers": 2}
    assert _code(glue.create_job, Name="new", **JOB, **capacity) == "InvalidInputException"
    glue.create_job(Name="new", **JOB, JobMode="SCRIPT", JobRunQueuingEnabled=False)


def test_a_secret_is_as_it_is_asked_for_or_refused(client):
    manager = client("secretsmanager")
    unknown = "arn:aws:kms:us-east-1:123456789012:key/11111111-1111-1111-1111-111111111111"
    assert _code(manager.create_secret, Name="s", SecretString="x", KmsKeyId=unknown) == "EncryptionFailure"
    key = client("kms").create_key()["KeyMetadata"]["KeyId"]
    token = "t" * 32
    manager.create_secret(Name="s", SecretString="x", KmsKeyId=key, ClientRequestToken=token)
    manager.put_secret_value(SecretId="s", SecretString="x", ClientRequestToken=token)
    assert _code(manager.update_secret, SecretId="s", KmsKeyId=unknown) == "EncryptionFailure"
    assert _code(manager.put_secret_value, SecretId="s", SecretString="y", RotationToken="r" * 36) == "NotImplemented"
    assert _code(manager.list_secrets, SortOrder="asc") == "NotImplemented"
    both = {"SecretString": "y", "SecretBinary": b"y"}
    assert _code(manager.put_secret_value, SecretId="s", **both) == "InvalidParameterException"
    assert manager.get_secret_value(SecretId="s")["SecretString"] == "x"
    manager.delete_secret(SecretId="s")
    assert _code(manager.put_secret_value, SecretId="s", SecretString="y") == "InvalidRequestException"


def test_every_ignored_member_is_one_of_the_model():
    for (service, operation), paths in _IGNORED.items():
        for path in paths:
            shape = load_service_model(service).operation_model(operation).input_shape
            for name in path.split("."):
                shape = shape.members[name]
    assert list(ignored_members("glue", "CreateJob", {"Name": "x"})) == []
