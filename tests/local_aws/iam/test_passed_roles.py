import pytest

from local_aws.iam.actions import checks_of
from tests.support.iam_calls import FakeFacts, call, json_call

A, B = "arn:aws:iam::123456789012:role/a", "arn:aws:iam::123456789012:role/b"


def _passed(checked):
    return [
        (check.resource, check.keys["iam:PassedToService"])
        for check in checks_of(checked, FakeFacts())
        if check.action == "iam:PassRole"
    ]


@pytest.mark.parametrize(
    ("checked", "roles", "service"),
    [
        (json_call("glue", "CreateJob", Name="j", Role=A), [A], "glue.amazonaws.com"),
        (json_call("glue", "UpdateJob", JobName="j", JobUpdate={"Role": A}), [A], "glue.amazonaws.com"),
        (
            json_call("glue", "CreateJob", Name="j", Role="etl"),
            ["arn:aws:iam::123456789012:role/path/etl"],
            "glue.amazonaws.com",
        ),
        (
            json_call("glue", "CreateJob", Name="j", Role="none"),
            ["arn:aws:iam::123456789012:role/none"],
            "glue.amazonaws.com",
        ),
        (json_call("airflow", "CreateEnvironment", ExecutionRoleArn=A), [A], "airflow.amazonaws.com"),
        (json_call("airflow", "UpdateEnvironment", ExecutionRoleArn=A), [A], "airflow.amazonaws.com"),
        (json_call("airflow", "UpdateEnvironment", EnvironmentClass="mw1.small"), [], None),
        (
            json_call(
                "redshift-serverless", "CreateNamespace", namespaceName="n", iamRoles=[A, B], defaultIamRoleArn=A
            ),
            [A, B],
            "redshift-serverless.amazonaws.com",
        ),
        (
            json_call("redshift-serverless", "UpdateNamespace", namespaceName="n", iamRoles=[B]),
            [B],
            "redshift.amazonaws.com",
        ),
        (
            json_call("events", "PutTargets", Rule="r", Targets=[{"Id": "1", "RoleArn": A}, {"Id": "2"}]),
            [A],
            "events.amazonaws.com",
        ),
        (
            call(
                "s3",
                "PutBucketReplication",
                method="PUT",
                path="/b",
                query="replication",
                body=f"<R><Role>{A}</Role></R>".encode(),
            ),
            [A],
            "s3.amazonaws.com",
        ),
        (json_call("glue", "StartJobRun", JobName="j"), [], None),
    ],
)
def test_passed_roles(checked, roles, service):
    passed = _passed(checked)
    assert [role for role, _ in passed] == roles
    assert all(service in services for _, services in passed)
