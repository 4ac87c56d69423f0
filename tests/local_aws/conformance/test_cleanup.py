"""What a run against a real account leaves."""

from __future__ import annotations

import json

import boto3
import moto
import pytest
from botocore.exceptions import EndpointConnectionError

from local_aws.conformance import cleanup
from local_aws.conformance.cleanup import deleted
from local_aws.conformance.sql_run import StatementResult
from local_aws.conformance.target import Target
from tests.support.conformance_targets import conformance_target

READ = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
TRUST = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "glue.amazonaws.com"}}


def document(statement):
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class Database:
    """Answers each statement with this error."""

    def __init__(self, error=""):
        self._error = error

    def run(self, _sql):
        return StatementResult(error=self._error)


@pytest.fixture
def target():
    with moto.mock_aws():
        boto3.setup_default_session(region_name="us-east-1")
        yield conformance_target(emulated=False, prefix="conformance-1", bucket="lake", database="conformance_1")
        boto3.DEFAULT_SESSION = None


@pytest.fixture
def services(target):
    """Create the same things for the suite and for somebody else."""
    clients = {name: target.client(name) for name in ("s3", "iam", "glue", "secretsmanager")}
    s3, iam, glue, secrets = clients.values()
    s3.create_bucket(Bucket="lake")
    s3.put_bucket_versioning(Bucket="lake", VersioningConfiguration={"Status": "Enabled"})
    for name in ("conformance-1", "other"):
        for _version in range(2):
            s3.put_object(Bucket="lake", Key=f"{name}/a", Body=b"x")
        s3.delete_object(Bucket="lake", Key=f"{name}/a")
        iam.create_role(RoleName=f"{name}-3-role", AssumeRolePolicyDocument=document(TRUST))
        iam.put_role_policy(RoleName=f"{name}-3-role", PolicyName="p", PolicyDocument=document(READ))
        iam.create_user(UserName=f"{name}-4-user")
        glue.create_database(DatabaseInput={"Name": name.replace("-", "_")})
        glue.create_job(Name=f"{name}-job", Role="r", Command={"Name": "glueetl"})
        secrets.create_secret(Name=f"{name}/a", SecretString="s")
    return clients


def names(services):
    s3, iam, glue, secrets = services.values()
    versions = s3.list_object_versions(Bucket="lake")
    return [
        sorted({each["Key"] for each in (*versions.get("Versions", ()), *versions.get("DeleteMarkers", ()))}),
        sorted(role["RoleName"] for role in iam.list_roles()["Roles"]),
        [user["UserName"] for user in iam.list_users()["Users"]],
        [database["Name"] for database in glue.get_databases()["DatabaseList"]],
        [job["Name"] for job in glue.get_jobs()["Jobs"]],
        [secret["Name"] for secret in secrets.list_secrets()["SecretList"]],
    ]


def test_everything_with_the_suites_prefix_is_deleted(target, services):
    assert deleted(target, Database()) == []
    assert names(services) == [["other/a"], ["other-3-role"], ["other-4-user"], ["other"], ["other-job"], ["other/a"]]


def test_what_cannot_be_deleted_is_named_and_the_rest_is_deleted(target, services, monkeypatch):
    monkeypatch.setattr(cleanup, "_DROP_WAIT_SECONDS", 0)
    s3, iam, glue, _secrets = services.values()
    iam.create_access_key(UserName="conformance-1-4-user")
    iam.create_role(RoleName="conformance-1-5-role", AssumeRolePolicyDocument=document(TRUST))
    iam.attach_role_policy(RoleName="conformance-1-5-role", PolicyArn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")

    def unreachable(**_request):
        raise EndpointConnectionError(endpoint_url="https://glue.us-east-1.amazonaws.com")

    def denied(**request):
        error = {"Key": request["Delete"]["Objects"][0]["Key"], "Code": "AccessDenied", "Message": "Access Denied"}
        return {"Errors": [error]}

    monkeypatch.setattr(glue, "delete_database", unreachable)
    monkeypatch.setattr(s3, "delete_objects", denied)
    monkeypatch.setattr(Target, "client", lambda _target, service: services[service])
    left = deleted(target, Database("ERROR: in use"))
    for beginning in (
        "database conformance_1: ERROR: in use",
        "objects: conformance-1/a: AccessDenied",
        "Glue databases: conformance_1: Could not connect",
        "IAM roles: conformance-1-5-role: An error occurred (DeleteConflict)",
    ):
        assert [text for text in left if text.startswith(beginning)], (beginning, left)
    _keys, roles, _users, databases, jobs, secrets = names(services)
    assert roles == ["conformance-1-5-role", "other-3-role"]
    assert databases == ["conformance_1", "other"]
    assert [jobs, secrets] == [["other-job"], ["other/a"]]
