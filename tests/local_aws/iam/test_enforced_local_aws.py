"""The whole local AWS with enforcement: calls of services for a caller, and with their own role."""

import json
import time

import pytest
from botocore.exceptions import ClientError

from local_aws.clients import local_client, local_session
from local_aws.iam.authorization_log import denied_under, read_log
from local_aws.launcher import running_local_aws
from tests.support.emulator_resources import create_resources

pytestmark = pytest.mark.usefixtures("starts_local_aws")


@pytest.fixture(scope="module")
def aws(tmp_path_factory):
    with running_local_aws(tmp_path_factory.mktemp("enforced"), enforce_iam=True) as running:
        yield running


@pytest.fixture(scope="module")
def resources(aws):
    """The resources in this emulator, created by its administrator."""
    return create_resources(aws)


@pytest.fixture(scope="module")
def workgroup(aws, resources):
    found = aws.client("redshift-serverless").get_workgroup(workgroupName=resources.workgroup)
    return found["workgroup"]["workgroupArn"]


def _allow(action, resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def _grant(aws, role, *statements):
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    aws.client("iam").put_role_policy(RoleName=role, PolicyName="p", PolicyDocument=json.dumps(document))


def _session(aws, resources, name="task"):
    """Assume Airflow's role as MWAA does."""
    sts = local_client("sts", aws.endpoint, local_session(access_key_id="airflow-env.amazonaws.com"))
    taken = sts.assume_role(RoleArn=resources.airflow_role_arn, RoleSessionName=name)["Credentials"]
    return local_session(
        access_key_id=taken["AccessKeyId"],
        secret_access_key=taken["SecretAccessKey"],
        session_token=taken["SessionToken"],
    )


def _refused(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]


def _ended(client, statement_id):
    return client.describe_statement(Id=statement_id, WaitTimeSeconds=30)


def test_the_data_api_reads_the_secret_as_its_caller(aws, resources, workgroup):
    secret = resources.secret_arn
    client = local_client("redshift-data", aws.endpoint, _session(aws, resources))
    submit = _allow("redshift-data:ExecuteStatement", workgroup)
    _grant(aws, "airflow", submit)
    error = _refused(client.execute_statement, Sql="SELECT 1", **resources.target)
    assert error["Code"] == "AccessDeniedException"
    assert f"secretsmanager:GetSecretValue on resource: {secret} because no identity-based" in error["Message"]
    via = {"ForAnyValue:StringEquals": {"aws:CalledVia": "redshift-data.amazonaws.com"}}
    _grant(aws, "airflow", submit, _allow("secretsmanager:GetSecretValue", secret, Condition=via))
    assert client.execute_statement(Sql="SELECT 1", **resources.target)["Id"]
    manager = local_client("secretsmanager", aws.endpoint, _session(aws, resources))
    assert _refused(manager.get_secret_value, SecretId=secret)["Code"] == "AccessDeniedException"
    _grant(aws, "airflow", _allow("redshift-data:ExecuteStatement", workgroup[:-1] + "x"))
    assert workgroup in _refused(client.execute_statement, Sql="SELECT 1", **resources.target)["Message"]


def test_a_statement_belongs_to_its_owner(aws, resources, workgroup):
    own = {"StringEquals": {"redshift-data:statement-owner-iam-userid": "${aws:userid}"}}
    of_statements = ["DescribeStatement", "GetStatementResult", "CancelStatement", "ListStatements"]
    _grant(
        aws,
        "airflow",
        _allow("redshift-data:*ExecuteStatement", workgroup),
        _allow([f"redshift-data:{name}" for name in of_statements], Condition=own),
        _allow("secretsmanager:GetSecretValue", resources.secret_arn),
    )
    mine, other = (
        local_client("redshift-data", aws.endpoint, _session(aws, resources, name)) for name in ("mine", "other")
    )
    statement = mine.execute_statement(Sql="SELECT 1 AS n", **resources.target)["Id"]
    assert _ended(mine, statement)["Status"] == "FINISHED"
    assert mine.get_statement_result(Id=statement)["Records"] == [[{"longValue": 1}]]
    for call in (other.describe_statement, other.get_statement_result, other.cancel_statement):
        assert _refused(call, Id=statement)["Code"] == "AccessDeniedException"
    batch = mine.batch_execute_statement(Sqls=["SELECT 1", "SELECT 2"], **resources.target)["Id"]
    assert _ended(mine, batch)["Status"] == "FINISHED"
    mine.get_statement_result(Id=f"{batch}:2")
    assert (
        _refused(mine.describe_statement, Id="00000000-0000-0000-0000-000000000000")["Code"] == "AccessDeniedException"
    )

    def listed(client, **more):
        return {found["Id"] for found in client.list_statements(**more)["Statements"]}

    assert {statement, batch} <= listed(mine, RoleLevel=False)
    assert {statement, batch} <= listed(other)  # another session of the role
    assert not listed(other, RoleLevel=False)
    assert statement not in listed(aws.client("redshift-data"))


def test_a_copy_reads_with_its_role(aws, resources):
    """Also when the trust policy names the database user, which Redshift sends when it assumes the role."""
    iam = aws.client("iam")
    trust = iam.get_role(RoleName="copy")["Role"]["AssumeRolePolicyDocument"]
    user = "arn:aws:redshift:us-east-1:123456789012:dbuser:serverless-123456789012-*/admin"
    trust["Statement"][0]["Condition"] = {"StringLike": {"sts:ExternalId": user}}
    iam.update_assume_role_policy(RoleName="copy", PolicyDocument=json.dumps(trust))
    bucket, client = resources.bucket, aws.client("redshift-data")
    aws.client("s3").put_object(Bucket=bucket, Key="curated/_manifests/m.json", Body=b'{"entries": []}')
    client.execute_statement(Sql="CREATE TABLE IF NOT EXISTS t (n INT)", **resources.target, WaitTimeSeconds=30)
    copy = (
        f"COPY t FROM 's3://{bucket}/curated/_manifests/m.json' "
        f"IAM_ROLE '{resources.copy_role_arn}' FORMAT AS PARQUET MANIFEST"
    )

    def error():
        return _ended(client, client.execute_statement(Sql=copy, **resources.target)["Id"]).get("Error", "")

    assert "403" in error() or "AccessDenied" in error()
    checks = [check for check in read_log(aws.state_dir / "authorizations.jsonl") if check.role]
    assert (checks[-1].role, checks[-1].action) == ("copy", "s3:GetObject")
    _grant(aws, "copy", _allow("s3:GetObject", f"arn:aws:s3:::{bucket}/curated/*"))
    assert "AccessDenied" not in error()
    checks = [check for check in read_log(aws.state_dir / "authorizations.jsonl") if check.role == checks[-1].role]
    assert checks[-1].allowed
    narrower = {"Version": "2012-10-17", "Statement": _allow("s3:GetObject", f"arn:aws:s3:::{bucket}/curated/x/*")}
    assert denied_under({"p": narrower}, checks) == [check for check in checks if check.allowed]


def test_a_job_run_fetches_its_script_with_its_role(aws, resources):
    glue = aws.client("glue")
    run = glue.start_job_run(JobName=resources.job)["JobRunId"]
    deadline = time.monotonic() + 30
    while (found := glue.get_job_run(JobName=resources.job, RunId=run)["JobRun"])["JobRunState"] != "FAILED":
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    assert "403" in found["ErrorMessage"]
    checks = [check for check in read_log(aws.state_dir / "authorizations.jsonl") if check.role == "glue"]
    assert [(check.action, check.allowed) for check in checks] == [("s3:GetObject", False)]


def test_creating_an_environment_passes_its_role(aws, resources):
    _grant(aws, "airflow", _allow("airflow:CreateEnvironment"))
    client = local_client("mwaa", aws.endpoint, _session(aws, resources))
    environment = {
        "Name": "dev",
        "ExecutionRoleArn": resources.airflow_role_arn,
        "DagS3Path": "dags",
        "SourceBucketArn": f"arn:aws:s3:::{resources.bucket}",
        "NetworkConfiguration": {"SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]},
    }
    assert "iam:PassRole" in _refused(client.create_environment, **environment)["Message"]
    passing = {"StringEquals": {"iam:PassedToService": "airflow.amazonaws.com"}}
    _grant(
        aws,
        "airflow",
        _allow("airflow:CreateEnvironment"),
        _allow("iam:PassRole", resources.airflow_role_arn, Condition=passing),
    )
    assert client.create_environment(**environment)["Arn"].endswith(":environment/dev")


def test_redshift_needs_no_permission_of_the_caller_for_its_managed_password(aws):
    serverless = aws.client("redshift-serverless")
    made = serverless.create_namespace(
        namespaceName="managed", dbName="managed", adminUsername="boss", manageAdminPassword=True
    )["namespace"]
    assert aws.client("secretsmanager").get_secret_value(SecretId=made["adminPasswordSecretArn"])["SecretString"]
    checks = [check for check in read_log(aws.state_dir / "authorizations.jsonl") if check.operation == "CreateSecret"]
    assert (checks[-1].principal, checks[-1].allowed) == ("redshift-serverless.amazonaws.com", True)


def test_a_tag_limits_a_role_to_a_warehouse(aws, resources, workgroup):
    actions = ["redshift-data:ExecuteStatement", "redshift-serverless:UpdateWorkgroup"]
    _grant(
        aws,
        "airflow",
        _allow(actions, Condition={"StringEquals": {"aws:ResourceTag/platform": "mine"}}),
        _allow("secretsmanager:GetSecretValue", resources.secret_arn),
    )
    session, admin = _session(aws, resources), aws.client("redshift-serverless")
    serverless, data = (local_client(name, aws.endpoint, session) for name in ("redshift-serverless", "redshift-data"))
    size = {"workgroupName": resources.workgroup, "maxCapacity": 256}
    admin.tag_resource(resourceArn=workgroup, tags=[{"key": "platform", "value": "other"}])
    assert _refused(data.execute_statement, Sql="SELECT 1", **resources.target)["Code"] == "AccessDeniedException"
    assert _refused(serverless.update_workgroup, **size)["Code"] == "AccessDeniedException"
    admin.tag_resource(resourceArn=workgroup, tags=[{"key": "platform", "value": "mine"}])
    assert data.execute_statement(Sql="SELECT 1", **resources.target)["Id"]
    assert serverless.update_workgroup(**size)["workgroup"]["maxCapacity"] == 256
