import json
import os
import signal
import socket
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ClientError, ConnectionClosedError

from local_aws.clients import local_client, local_session
from local_aws.emulator import LocalAws
from local_aws.launcher import running_local_aws
from tests.support.emulator_resources import create_resources, create_role
from tests.support.programs import processes_with, start

pytestmark = pytest.mark.usefixtures("starts_local_aws")


def test_a_second_start_on_the_same_state_is_refused(emulator):
    second = start("local_aws", "--state-dir", emulator.state_dir, "--port", 0)
    output, errors = second.communicate(timeout=60)
    assert (second.returncode, output) == (1, "")
    assert f"process {emulator.pid}" in errors
    assert "Traceback" not in errors
    assert json.loads((emulator.state_dir / "endpoint.json").read_text())["pid"] == emulator.pid


def test_a_port_in_use_is_refused(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = start("local_aws", "--state-dir", tmp_path, "--port", port)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert f"Port {port}" in errors
    assert "Traceback" not in errors
    assert processes_with(str(tmp_path)) == []


@pytest.mark.parametrize(("number", "options"), [(signal.SIGTERM, []), (signal.SIGINT, ["--enforce-iam"])])
def test_it_prints_its_environment_and_leaves_nothing_after_a_stop(tmp_path, number, options):
    process = start("local_aws", "--state-dir", tmp_path, "--port", 0, *options)
    greeting = ""
    while "AWS_EC2_METADATA_DISABLED" not in greeting:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        greeting += line
    endpoint = json.loads((tmp_path / "endpoint.json").read_text())
    assert endpoint == {
        "endpoint": endpoint["endpoint"],
        "pid": process.pid,
        "names": None,
        "warehouse_port": None,
        "published_warehouse_port": None,
        "warehouse_socket": endpoint["warehouse_socket"],
    }
    socket = endpoint["warehouse_socket"]
    assert (Path(socket["host"]) / f".s.PGSQL.{socket['port']}").is_socket()
    assert f"export AWS_ENDPOINT_URL={endpoint['endpoint']}\n" in greeting
    assert ("IAM is enforced" in greeting) is bool(options)
    assert len(processes_with(str(tmp_path))) > 1  # PostgreSQL is one of them
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")
    assert not (tmp_path / "endpoint.json").exists()
    assert processes_with(str(tmp_path)) == []


def test_a_call_in_flight_at_a_stop_is_dropped_without_a_traceback(tmp_path, caplog):
    arrived, released, handlers, outcomes = threading.Event(), threading.Event(), [], []

    def hold(call, moment, _response):
        if call.operation == "CreateBucket" and moment == "before":
            handlers.append(threading.current_thread())
            arrived.set()
            released.wait(60)

    def create_bucket():
        try:
            local_client("s3", endpoint).create_bucket(Bucket="lake")
        except (BotoCoreError, ClientError) as error:
            outcomes.append(error)

    with LocalAws(tmp_path, port=0, interceptor=hold) as running:
        endpoint = running.endpoint
        client = threading.Thread(target=create_bucket)
        client.start()
        assert arrived.wait(60)
    released.set()
    for thread in (client, *handlers):
        thread.join(60)
        assert not thread.is_alive()
    assert [type(outcome) for outcome in outcomes] == [ConnectionClosedError]
    assert [record for record in caplog.records if record.exc_info] == []


def test_after_a_kill_no_process_remains_and_the_state_is_restored(tmp_path):
    with running_local_aws(tmp_path) as running:
        running.client("s3").create_bucket(Bucket="lake")
        running.kill()
    for _ in range(100):
        if not processes_with(str(tmp_path)):
            break
        time.sleep(0.1)
    assert processes_with(str(tmp_path)) == []
    with running_local_aws(tmp_path) as running:  # endpoint.json of the dead process is ignored
        assert running.client("s3").head_bucket(Bucket="lake")
        with urllib.request.urlopen(f"{running.endpoint}/_local_aws/health") as answer:
            assert json.load(answer)["pid"] == running.pid


def _answer_of(data, sql, **target):
    """Run one statement and return its rows, or None if it has none."""
    statement = data.execute_statement(Sql=sql, **target)["Id"]
    for _ in range(400):
        found = data.describe_statement(Id=statement)
        if found["Status"] in ("FINISHED", "FAILED", "ABORTED"):
            break
        time.sleep(0.05)
    assert found["Status"] == "FINISHED", found.get("Error")
    return data.get_statement_result(Id=statement)["Records"] if found["HasResultSet"] else None


def _what_is_kept(running, data_target):
    s3, glue, manager = (running.client(service) for service in ("s3", "glue", "secretsmanager"))
    partition = glue.get_partition(DatabaseName="catalog", TableName="prices", PartitionValues=["2023", "12", "18"])
    secret = manager.get_secret_value(SecretId="kept")
    workgroup = running.client("redshift-serverless").get_workgroup(workgroupName="warehouse")["workgroup"]
    return {
        "body": s3.get_object(Bucket="lake", Key="kept")["Body"].read(),
        "secret": (secret["ARN"], secret["VersionId"], secret["SecretString"]),
        "partition": partition["Partition"],
        "workgroup": (workgroup["workgroupArn"], workgroup["creationDate"], workgroup["status"]),
        "rows": _answer_of(running.client("redshift-data"), "select n, word from kept", **data_target),
    }


def test_acknowledged_changes_survive_a_kill(tmp_path):
    with running_local_aws(tmp_path) as running:
        target = create_resources(running).target
        keys = [{"Name": name, "Type": "string"} for name in ("year", "month", "day")]
        glue = running.client("glue")
        glue.create_database(DatabaseInput={"Name": "catalog"})
        glue.create_table(DatabaseName="catalog", TableInput={"Name": "prices", "PartitionKeys": keys})
        glue.create_partition(
            DatabaseName="catalog", TableName="prices",
            PartitionInput={"Values": ["2023", "12", "18"], "StorageDescriptor": {"Location": "s3://lake/day=18/"}},
        )  # fmt: skip
        running.client("secretsmanager").create_secret(Name="kept", SecretString="hush")
        data = running.client("redshift-data")
        _answer_of(data, "create table kept (n integer, word varchar(10))", **target)
        _answer_of(data, "insert into kept values (7, 'seven')", **target)
        running.client("s3").put_object(Bucket="lake", Key="kept", Body=b"\x00body")
        before = _what_is_kept(running, target)
        running.kill()
    assert before["rows"] == [[{"longValue": 7}, {"stringValue": "seven"}]]
    assert before["workgroup"][2] == "AVAILABLE"
    with running_local_aws(tmp_path) as running:
        assert _what_is_kept(running, target) == before


@pytest.mark.parametrize("number", ["0", "-1", "two"])
def test_an_invalid_number_of_glue_runs_is_refused(number):
    process = start("local_aws", "--glue-runs-at-once", number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert f"'{number}' is not a number above 0" in errors


def test_it_ends_when_its_warehouse_does(tmp_path):
    process = start("local_aws", "--state-dir", tmp_path, "--port", 0, "--log")
    while "AWS_EC2_METADATA_DISABLED" not in process.stdout.readline():
        assert process.poll() is None, process.stderr.read()
    health = json.loads((tmp_path / "endpoint.json").read_text())["endpoint"] + "/_local_aws/health"
    server = int((tmp_path / "warehouse" / "data" / "postmaster.pid").read_text().split()[0])
    os.kill(server, signal.SIGSTOP)  # its port is open, but no one responds
    try:
        with pytest.raises(urllib.error.HTTPError) as found:
            urllib.request.urlopen(health)
        assert found.value.code == 503
        assert "the warehouse does not respond" in json.load(found.value)["problem"]
    finally:
        os.kill(server, signal.SIGCONT)
    os.kill(server, signal.SIGKILL)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert f"{tmp_path}/warehouse/postgres.log" in errors
    assert " WARNING local_aws.emulator: the warehouse does not respond" in errors  # --log
    assert processes_with(str(tmp_path)) == []


def test_help_names_every_option():
    process = start("local_aws", "--help")
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    for option in ("--state-dir", "--port", "--region", "--enforce-iam", "--warehouse-port"):
        assert option in output


def test_a_failed_start_reports_its_reason(emulator):
    with pytest.raises(RuntimeError, match="already runs"), running_local_aws(emulator.state_dir):
        pass


def test_redshift_accepts_the_admins_secret(emulator, resources):
    data = emulator.client("redshift-data")
    statement = data.execute_statement(Sql="select 40 + 2", **resources.target)["Id"]
    for _ in range(200):
        if data.describe_statement(Id=statement)["Status"] in ("FINISHED", "FAILED"):
            break
        time.sleep(0.05)
    assert data.get_statement_result(Id=statement)["Records"] == [[{"longValue": 42}]]


def test_redshift_refuses_another_password(emulator, resources):
    manager = emulator.client("secretsmanager")
    wrong = manager.create_secret(Name="wrong", SecretString='{"username": "admin", "password": "Wrong-123"}')["ARN"]
    data = emulator.client("redshift-data")
    statement = data.execute_statement(Sql="select 1", **(resources.target | {"SecretArn": wrong}))["Id"]
    for _ in range(200):
        found = data.describe_statement(Id=statement)
        if found["Status"] in ("FINISHED", "FAILED"):
            break
        time.sleep(0.05)
    assert found["Status"] == "FAILED"


def test_an_unknown_workgroup_is_refused(emulator):
    data = emulator.client("redshift-data")
    with pytest.raises(data.exceptions.ValidationException):
        data.execute_statement(Sql="select 1", WorkgroupName="nowhere", Database="db")


def _copy_error(running, resources, role_arn, data=None, **more):
    """Return why a COPY with a role fails. It always fails, because there is nothing to copy."""
    data = data or running.client("redshift-data")
    target = {"WorkgroupName": resources.workgroup, "Database": resources.database, **more}
    _answer_of(data, "create table if not exists public.copied (n integer)", **target)
    sql = f"copy public.copied from 's3://{resources.bucket}/nothing' iam_role '{role_arn}' format as parquet"
    statement = data.execute_statement(Sql=sql, **target)["Id"]
    return data.describe_statement(Id=statement, WaitTimeSeconds=20)["Error"]


def _restrict(running, role, condition):
    """Add a condition to the statement of a role's trust policy."""
    iam = running.client("iam")
    trust = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    trust["Statement"][0]["Condition"] = condition
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(trust))


@pytest.fixture
def associate(emulator, resources):
    """Associate a new role with the namespace in addition to the existing one, and remove it afterwards."""
    serverless, name = emulator.client("redshift-serverless"), resources.namespace

    def update(roles):
        for _ in range(200):
            if serverless.get_namespace(namespaceName=name)["namespace"]["status"] == "AVAILABLE":
                break
            time.sleep(0.1)
        serverless.update_namespace(namespaceName=name, iamRoles=roles)

    def associate(role, *services):
        arn = create_role(emulator, role, *services)
        update([resources.copy_role_arn, arn])
        return arn

    yield associate
    update([resources.copy_role_arn])


def test_copy_reads_with_an_associated_role_that_redshift_may_assume(emulator, resources, associate):
    assert "role" not in _copy_error(emulator, resources, resources.copy_role_arn)
    other = resources.airflow_role_arn
    assert f"The requested role {other} is not associated to cluster" in _copy_error(emulator, resources, other)
    glues = associate("glues", "glue.amazonaws.com")
    assert f"not authorized to assume IAM Role {glues}" in _copy_error(emulator, resources, glues)


def test_copy_refuses_an_associated_role_that_does_not_exist(emulator, resources, associate):
    gone = associate("gone", "redshift.amazonaws.com")
    assert "role" not in _copy_error(emulator, resources, gone)
    emulator.client("iam").delete_role(RoleName="gone")
    assert f"not authorized to assume IAM Role {gone}" in _copy_error(emulator, resources, gone)


_USER = "arn:aws:redshift:us-east-1:123456789012:dbuser:"


@pytest.mark.parametrize(
    ("condition", "allowed"),
    [
        ({"StringLike": {"sts:ExternalId": [f"{_USER}serverless-123456789012-*/admin", f"{_USER}w/admin"]}}, True),
        ({"StringLike": {"sts:ExternalId": f"{_USER}warehouse/admin"}}, False),
        ({"StringLike": {"sts:ExternalId": f"{_USER}serverless-123456789012-*/reader"}}, False),
        ({"StringEquals": {"aws:SourceAccount": "123456789012"}}, False),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:redshift-serverless:*:*:*"}}, False),
    ],
)
def test_copy_names_its_database_user_in_the_external_id_and_no_source(
    emulator, resources, associate, condition, allowed
):
    """https://docs.aws.amazon.com/redshift/latest/mgmt/authorizing-redshift-service-database-users.html"""
    role = associate("conditional", "redshift.amazonaws.com", "redshift-serverless.amazonaws.com")
    try:
        _restrict(emulator, "conditional", condition)
        error = _copy_error(emulator, resources, role, SecretArn=resources.secret_arn)
        assert (f"not authorized to assume IAM Role {role}" not in error) is allowed, error
    finally:
        emulator.client("iam").delete_role(RoleName="conditional")


def test_the_database_user_of_a_copy_without_a_secret_is_the_callers(emulator, resources, associate):
    """https://docs.aws.amazon.com/redshift/latest/mgmt/data-api-access.html"""
    role = associate("callers", "redshift.amazonaws.com")
    _restrict(emulator, "callers", {"StringLike": {"sts:ExternalId": f"{_USER}serverless-*/IAMR:airflow"}})
    taken = emulator.client("sts").assume_role(RoleArn=resources.airflow_role_arn, RoleSessionName="task")
    airflow = local_session(
        access_key_id=taken["Credentials"]["AccessKeyId"],
        secret_access_key=taken["Credentials"]["SecretAccessKey"],
        session_token=taken["Credentials"]["SessionToken"],
    )
    data = local_client("redshift-data", emulator.endpoint, airflow)
    assert "role" not in _copy_error(emulator, resources, role, data=data)
    # AWS does not document the database user of the account's root user.
    assert "which the local AWS does not evaluate" in _copy_error(emulator, resources, role)
    emulator.client("iam").delete_role(RoleName="callers")


def test_glue_runs_only_with_a_role_that_glue_may_assume(emulator, resources):
    glue = emulator.client("glue")
    definition = {"Command": {"Name": "glueetl", "ScriptLocation": "s3://b/k.py"}, "GlueVersion": "6.0"}
    glue.create_job(Name="of-another", Role=resources.copy_role_arn, **definition)
    run = glue.start_job_run(JobName="of-another")["JobRunId"]
    for _ in range(200):
        found = glue.get_job_run(JobName="of-another", RunId=run)["JobRun"]
        if found["JobRunState"] == "FAILED":
            break
        time.sleep(0.05)
    assert "assume role permissions for Glue" in found["ErrorMessage"]
