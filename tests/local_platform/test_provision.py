import json
import shutil
import urllib.request

import pytest

from local_aws.clients import aws_environment, local_client
from local_platform.checkout import GLUE_SCRIPTS
from local_platform.local_aws_process import running_platform_aws
from local_platform.names import NameNotPossibleError, Names, Provisioned, role_name, secret_name
from local_platform.provision import provision, upload_glue_code


@pytest.fixture
def glue_scripts(tmp_path):
    shutil.copytree(GLUE_SCRIPTS, tmp_path / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "scripts"


def test_every_resource_exists_under_its_name(local_aws):
    names = Provisioned(**{**local_aws.names, "created": tuple(local_aws.names["created"])})
    assert len(names.created) >= 13
    s3, glue, iam = (local_aws.client(service) for service in ("s3", "glue", "iam"))
    assert s3.get_bucket_versioning(Bucket=names.bucket)["Status"] == "Enabled"
    script = s3.get_object(Bucket=names.bucket, Key="glue/curate_crypto_prices.py")["Body"].read()
    assert script == (GLUE_SCRIPTS / "curate_crypto_prices.py").read_bytes()
    job = glue.get_job(JobName=names.glue_job)["Job"]
    assert (job["GlueVersion"], job["WorkerType"], job["NumberOfWorkers"], job["Timeout"]) == ("6.0", "G.1X", 2, 60)
    assert job["ExecutionProperty"] == {"MaxConcurrentRuns": 10}
    assert job["DefaultArguments"]["--extra-py-files"] == f"s3://{names.bucket}/glue/crypto_prices_etl.zip"
    assert (job["Role"], job["Command"]["ScriptLocation"]) == (
        names.glue_role_arn,
        f"s3://{names.bucket}/glue/curate_crypto_prices.py",
    )
    for arn in (names.glue_role_arn, names.mwaa_role_arn, names.redshift_copy_role_arn):
        assert iam.get_role(RoleName=arn.rpartition("/")[2])["Role"]["Arn"] == arn
    serverless = local_aws.client("redshift-serverless")
    workgroup = serverless.get_workgroup(workgroupName=names.redshift_workgroup)["workgroup"]
    assert (workgroup["status"], workgroup["namespaceName"]) == ("AVAILABLE", names.redshift_namespace)
    assert serverless.get_namespace(namespaceName="crypto-prices")["namespace"]["dbName"] == names.redshift_database


def test_the_catalog_has_the_columns_of_the_schema_and_the_comments_of_the_data_dictionary(local_aws):
    from crypto_prices_contract.data_dictionary import CATALOG_TABLE
    from crypto_prices_etl.schemas import CURATED_COLUMNS

    table = local_aws.client("glue").get_table(DatabaseName="crypto", Name="crypto_prices")["Table"]
    columns, keys = table["StorageDescriptor"]["Columns"], table["PartitionKeys"]
    assert table["Description"] == CATALOG_TABLE.comment
    assert [column["Name"] for column in columns] == [c.name for c in CURATED_COLUMNS]
    assert [(key["Name"], key["Type"]) for key in keys] == [("year", "string"), ("month", "string"), ("day", "string")]
    assert [(column["Name"], column["Comment"]) for column in [*columns, *keys]] == [
        (column.name, column.comment) for column in CATALOG_TABLE.columns
    ]


def test_the_settings_name_what_was_created(local_aws):
    names = local_aws.names
    text = local_aws.client("secretsmanager").get_secret_value(SecretId=names["settings_secret"])["SecretString"]
    settings = json.loads(text)
    assert settings["s3_bucket"] == names["bucket"]
    assert settings["redshift_secret_arn"] == names["redshift_secret_arn"]
    assert settings["redshift_copy_role_arn"] == names["redshift_copy_role_arn"]
    assert settings["sources"]["binance"]["api_url"] == f"{local_aws.endpoint}/exchange/binance"


def test_the_bundle_accepts_the_settings(local_aws):
    from crypto_prices.settings import parse_settings

    text = local_aws.client("secretsmanager").get_secret_value(SecretId=local_aws.names["settings_secret"])[
        "SecretString"
    ]
    assert "BTCUSDT" in str(parse_settings(text))


def test_every_resource_in_the_settings_exists(local_aws):
    from crypto_prices.settings import parse_settings

    manager = local_aws.client("secretsmanager")
    text = manager.get_secret_value(SecretId="airflow/variables/crypto_prices_settings")["SecretString"]
    settings = parse_settings(text)
    local_aws.client("s3").head_bucket(Bucket=settings.s3_bucket)
    glue = local_aws.client("glue")
    glue.get_job(JobName=settings.glue_job_name)
    glue.get_table(DatabaseName=settings.catalog_database, Name=settings.catalog_table)
    serverless = local_aws.client("redshift-serverless")
    workgroup = serverless.get_workgroup(workgroupName=settings.redshift_workgroup)["workgroup"]
    namespace = serverless.get_namespace(namespaceName=workgroup["namespaceName"])["namespace"]
    assert namespace["dbName"] == settings.redshift_database
    assert any(settings.redshift_copy_role_arn in role for role in namespace["iamRoles"])
    admin = json.loads(manager.get_secret_value(SecretId=settings.redshift_secret_arn)["SecretString"])
    assert (admin["username"], len(admin["password"])) == (namespace["adminUsername"], 32)
    for source in settings.sources.values():
        for symbol in source.symbols:
            query = f"symbol={symbol}&interval={settings.candle_interval}&limit=1"
            with urllib.request.urlopen(f"{source.api_url}/api/v3/klines?{query}") as answer:
                assert len(json.load(answer)) == 1


def test_the_environment_points_clients_to_the_endpoint():
    environment = aws_environment("http://127.0.0.1:1")
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert environment["AWS_REGION"] == environment["AWS_DEFAULT_REGION"] == "us-east-1"


def test_a_second_run_changes_nothing(local_aws):
    s3 = local_aws.client("s3")
    before = s3.list_object_versions(Bucket="crypto-prices-lake", Prefix="glue/")["Versions"]
    again = provision(local_aws.endpoint)
    assert again.created == ()
    assert s3.list_object_versions(Bucket="crypto-prices-lake", Prefix="glue/")["Versions"] == before
    assert again.redshift_secret_arn == local_aws.names["redshift_secret_arn"]


def test_a_restart_after_a_kill_creates_nothing_but_settings_for_the_new_port(starts_local_aws, tmp_path):
    with running_platform_aws(tmp_path) as running:
        running.kill()
    with running_platform_aws(tmp_path) as running:
        assert running.names["created"] == ["new settings in secret airflow/variables/crypto_prices_settings"]


def test_resources_that_differ_are_corrected(local_aws, glue_scripts):
    (glue_scripts / "curate_crypto_prices.py").write_text("# changed\n")
    local_client("glue", local_aws.endpoint).update_job(
        JobName="curate_crypto_prices", JobUpdate={"Role": "r", "Command": {"Name": "glueetl"}}
    )
    changed = provision(local_aws.endpoint, glue_scripts=glue_scripts, symbols={"binance": ("BTCUSDT",)})
    assert changed.created == (
        "object s3://crypto-prices-lake/glue/curate_crypto_prices.py",
        "new definition of Glue job curate_crypto_prices",
        "new settings in secret airflow/variables/crypto_prices_settings",
    )
    provision(local_aws.endpoint)
    assert provision(local_aws.endpoint).created == ()


def test_edited_glue_code_is_uploaded_and_the_catalog_gets_its_columns(local_aws, glue_scripts):
    assert upload_glue_code(local_aws.endpoint, Names(), glue_scripts) == ()
    schemas = glue_scripts / "crypto_prices_etl" / "schemas.py"
    schemas.write_text(schemas.read_text().replace('"trade_count", BigInt()', '"trade_count", PRICE'))
    assert upload_glue_code(local_aws.endpoint, Names(), glue_scripts) == (
        "object s3://crypto-prices-lake/glue/crypto_prices_etl.zip",
        "new columns or comments of Glue table crypto.crypto_prices",
    )
    provision(local_aws.endpoint)


def test_comments_of_the_catalog_table_that_differ_are_corrected(local_aws):
    glue = local_aws.client("glue")
    right = glue.get_table(DatabaseName="crypto", Name="crypto_prices")["Table"]
    members = ("Name", "Description", "TableType", "Parameters", "PartitionKeys", "StorageDescriptor")
    wanted = {member: right[member] for member in members}
    glue.update_table(DatabaseName="crypto", TableInput=wanted | {"Description": "mine"})
    assert provision(local_aws.endpoint).created == ("new columns or comments of Glue table crypto.crypto_prices",)
    table = glue.get_table(DatabaseName="crypto", Name="crypto_prices")["Table"]
    assert {member: table[member] for member in members} == wanted


def test_the_name_of_a_secret_is_taken_from_its_arn():
    prefix = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:"
    assert secret_name(f"{prefix}a/redshift-admin", "eu-west-1") == "a/redshift-admin"


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:a",
        "arn:aws:secretsmanager:eu-west-1:210987654321:secret:a",
        "arn:aws:secretsmanager:eu-west-1:123456789012:secret:",
        "arn:aws:secretsmanager:eu-west-1:123456789012:secret:a-AbCdEf",
    ],
    ids=["other region", "other account", "no name", "random suffix"],
)
def test_arns_that_no_local_secret_can_have_are_rejected(arn):
    with pytest.raises(NameNotPossibleError, match=arn):
        secret_name(arn, "eu-west-1")


def test_the_name_of_a_role_is_taken_from_its_arn():
    assert role_name("arn:aws:iam::123456789012:role/copy") == "copy"
    for arn in ("arn:aws:iam::210987654321:role/copy", "copy", "arn:aws:iam::123456789012:role/path/copy"):
        with pytest.raises(NameNotPossibleError, match=arn):
            role_name(arn)
