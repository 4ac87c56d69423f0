import dataclasses
import json
import subprocess
import sys
import time

import psycopg
import pytest

from local_aws.clients import local_client, local_session
from local_aws.ports import free_port
from local_platform.checkout import REPOSITORY
from local_platform.local_aws_process import running_platform_aws
from local_platform.psql import connection_url
from local_platform.warehouse_address import NoWarehouseError, WarehouseAddress
from tests.support.programs import greeting_of, start

ADDRESS = WarehouseAddress(
    endpoint="http://127.0.0.1:1",
    region="us-east-1",
    redshift_workgroup="crypto-prices",
    redshift_database="crypto",
    redshift_secret_arn="arn",
    admin="ad:min",
    socket=("/socket", 5432),
    published_port=5440,
)


def test_the_url_has_the_published_port_and_quotes_special_characters():
    assert connection_url(ADDRESS, "p@ss/w:rd") == "postgresql://ad%3Amin:p%40ss%2Fw%3Ard@127.0.0.1:5440/crypto"


def test_a_url_needs_a_port():
    with pytest.raises(NoWarehouseError, match="make local-aws"):
        connection_url(dataclasses.replace(ADDRESS, published_port=None), "b")


def psql(state_dir, *arguments):
    command = [sys.executable, "-m", "local_platform.psql", "--state-dir", str(state_dir), *arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)


def test_a_state_folder_without_a_local_aws_is_reported(tmp_path):
    done = psql(tmp_path)
    assert done.returncode == 1
    assert str(tmp_path) in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.fixture(scope="module")
def renamed(starts_local_aws, tmp_path_factory):
    """Start a local AWS with non-default names, another region and a warehouse port."""
    state_dir = tmp_path_factory.mktemp("renamed")
    process = start(
        "local_platform",
        *("--state-dir", state_dir, "--port", 0, "--host", "0.0.0.0"),
        *("--warehouse-port", free_port(), "--region", "eu-central-1", "--s3-bucket", "other-lake"),
        *("--glue-job", "other-job", "--catalog", "other.prices", "--redshift-workgroup", "other"),
        *("--redshift-database", "other", "--no-settings"),
        *("--redshift-secret-arn", "arn:aws:secretsmanager:eu-central-1:123456789012:secret:other/admin"),
        *("--redshift-copy-role-arn", "arn:aws:iam::123456789012:role/other-copy"),
    )
    yield state_dir, greeting_of(process)
    process.terminate()
    process.communicate(timeout=30)


def test_resources_have_the_names_and_the_region_of_the_options(renamed):
    state_dir, greeting = renamed
    found = json.loads((state_dir / "endpoint.json").read_text())
    names = found["names"]
    assert "export AWS_REGION=eu-central-1\n" in greeting
    assert "local_platform.psql" in greeting
    assert found["endpoint"].startswith("http://127.0.0.1:")
    session = local_session(region="eu-central-1")
    s3, glue, manager, serverless, iam = (
        local_client(service, found["endpoint"], session)
        for service in ("s3", "glue", "secretsmanager", "redshift-serverless", "iam")
    )
    assert s3.get_bucket_location(Bucket="other-lake")["LocationConstraint"] == "eu-central-1"
    job = glue.get_job(JobName="other-job")["Job"]
    assert job["Command"]["ScriptLocation"].startswith("s3://other-lake/")
    glue.get_table(DatabaseName="other", Name="prices")
    partial = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:other/admin"
    assert manager.get_secret_value(SecretId=partial)["ARN"] == names["redshift_secret_arn"]
    assert names["redshift_secret_arn"].startswith(f"{partial}-")
    assert names["settings_secret"] is None
    assert [secret["Name"] for secret in manager.list_secrets()["SecretList"]] == ["other/admin"]
    namespace = serverless.get_namespace(namespaceName="other")["namespace"]
    assert "role/other-copy" in namespace["iamRoles"][0]
    assert iam.get_role(RoleName="other-copy")["Role"]["Arn"] == names["redshift_copy_role_arn"]
    # The Data API finds the secret by its ARN without the random suffix, as on AWS.
    data_api = local_client("redshift-data", found["endpoint"], session)
    statement = data_api.execute_statement(WorkgroupName="other", Database="other", SecretArn=partial, Sql="SELECT 1")
    deadline = time.monotonic() + 60
    while (status := data_api.describe_statement(Id=statement["Id"])["Status"]) not in ("FINISHED", "FAILED"):
        assert time.monotonic() < deadline, status
        time.sleep(0.05)
    assert status == "FINISHED"


def test_psql_and_the_printed_url_connect_to_the_warehouse(renamed):
    state_dir, _ = renamed
    done = psql(state_dir, "-At", "-c", "SELECT current_user, current_database()")
    assert (done.stdout, done.stderr) == ("admin|other\n", "")
    url = psql(state_dir, "--print-url").stdout.strip()
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("admin",)
    assert psql(state_dir, "-c", "SELECT no_such_column").returncode == 1


def test_the_users_settings_of_libpq_do_not_reach_psql(renamed, monkeypatch):
    for name, value in (("PGOPTIONS", "-c no_such_setting=1"), ("PGHOST", "nowhere"), ("PGSERVICE", "none")):
        monkeypatch.setenv(name, value)
    done = psql(renamed[0], "-At", "-c", "SELECT 1")
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_a_local_aws_without_a_warehouse_is_reported(starts_local_aws, tmp_path):
    with running_platform_aws(tmp_path, provisioned=False):
        done = psql(tmp_path, "-c", "SELECT 1")
    assert done.returncode == 1
    assert "has no warehouse yet" in done.stderr
    assert len(done.stderr.splitlines()) == 1
