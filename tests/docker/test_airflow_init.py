import json

import pytest

from local_aws.clients import local_client, local_session
from tests.support.docker_scripts import DOCKER, load

REPOSITORY = DOCKER.parent

init = load("airflow_init")


@pytest.fixture
def settings(local_aws):
    text = local_aws.client("secretsmanager").get_secret_value(SecretId="airflow/variables/crypto_prices_settings")
    return json.loads(text["SecretString"])


@pytest.fixture
def client(local_aws):
    return lambda service: local_client(service, local_aws.endpoint)


class Clock:
    """A clock that advances only during a sleep."""

    def __init__(self):
        self.now = 0.0
        self.on_sleep = lambda: None

    def sleep(self, seconds):
        self.now += seconds
        self.on_sleep()

    def __call__(self):
        return self.now


def await_aws(settings, client, clock=None):
    clock = clock or Clock()
    lines = []
    account = init.await_aws(settings, client, say=lines.append, sleep=clock.sleep, clock=clock)
    return account, lines


@pytest.fixture
def home(tmp_path):
    """Create Airflow's home with the bundle's folders, one file in each."""
    for name in init.BUNDLE:
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.py").write_text("")
    return tmp_path


def test_a_readable_bundle_passes(home):
    init.check_bundle(home)


@pytest.mark.parametrize("name", ["sql", "plugins/a.py"])
def test_an_unreadable_path_is_reported_with_the_command_to_fix_it(home, monkeypatch, name):
    monkeypatch.setattr(init.os, "access", lambda path, mode: path != home / name)  # root can read everything
    with pytest.raises(init.NotReadyError, match=rf"{home / name}\W.* chmod"):
        init.check_bundle(home)


def test_an_empty_folder_is_reported_with_its_mount(home):
    (home / "dags" / "a.py").unlink()
    with pytest.raises(init.NotReadyError, match=rf"{home / 'dags'} .*docker-compose\.yaml .*\./dags"):
        init.check_bundle(home)


LOCAL = {"AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": "http://local-aws:4566", "AWS_ACCESS_KEY_ID": "local-aws"}


def check_settings(settings, **environment):
    return init.check_settings(json.dumps(settings), LOCAL | environment)


def test_settings_that_the_bundle_accepts_pass(settings):
    assert check_settings(settings) == settings
    assert check_settings(settings, AWS_ENDPOINT_URL="", AWS_ACCESS_KEY_ID="AKIAIOSFODNN7EXAMPLE") == settings


def test_settings_that_the_bundle_rejects_are_reported(settings):
    with pytest.raises(init.NotReadyError, match=r"s3_bucket: .*\.env"):
        check_settings(settings | {"s3_bucket": "No Bucket"})
    with pytest.raises(init.NotReadyError, match=r"\.env.*{broken"):
        init.check_settings("{broken", LOCAL)


def test_a_region_from_the_shell_is_reported(settings):
    with pytest.raises(init.NotReadyError, match=r"AWS_REGION.*eu-central-1.*REDSHIFT_SECRET_ARN.*shell"):
        check_settings(settings, AWS_REGION="eu-central-1")


@pytest.mark.parametrize("key", ["AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE"])
def test_real_credentials_are_never_sent_to_the_local_aws(settings, key):
    with pytest.raises(init.NotReadyError, match=r"real account.* http://local-aws") as error:
        check_settings(settings, AWS_ACCESS_KEY_ID=key)
    assert key not in str(error.value)
    with pytest.raises(
        init.NotReadyError, match=r"env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY -u AWS_SESSION_TO"
    ):
        check_settings(settings, AWS_SESSION_TOKEN="of the shell")


def test_platforms_in_one_account_have_different_descriptions(settings):
    dev = init.described_aws("123456789012", None, settings)
    assert dev == "account 123456789012 at AWS, us-east-1, lake crypto-prices-lake, workgroup crypto-prices"
    for name in ("s3_bucket", "redshift_workgroup"):
        assert init.described_aws("123456789012", None, settings | {name: "other"}) != dev


def test_the_aws_of_the_runs_is_stored_and_another_one_is_rejected():
    kept = []

    def check(aws):
        init.check_same_aws(aws, lambda: kept[-1] if kept else None, kept.append)

    check("account 1 at AWS")
    check("account 1 at AWS")
    assert kept == ["account 1 at AWS"]
    with pytest.raises(init.NotReadyError, match=r"account 1 at AWS.*\.env.*account 2 at AWS"):
        check("account 2 at AWS")
    assert kept == ["account 1 at AWS"]


def test_every_resource_in_the_settings_is_found(settings, client):
    account, lines = await_aws(settings, client)
    assert account == "123456789012"
    assert "arn:aws:" in lines[0]
    assert [line.split()[1] for line in lines[2:]] == [
        "S3_BUCKET",
        "GLUE_JOB_NAME",
        "GLUE_DATABASE",
        "REDSHIFT_SECRET_ARN",
        "REDSHIFT_WORKGROUP",
    ]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("s3_bucket", "no-such-bucket", "S3_BUCKET no-such-bucket "),
        ("glue_job_name", "no-such-job", "GLUE_JOB_NAME no-such-job "),
        ("catalog_table", "no_such_table", r"GLUE_DATABASE and GLUE_TABLE crypto\.no_such_table "),
        (
            "redshift_secret_arn",
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:no-such",
            "REDSHIFT_SECRET_ARN arn:.*no-such ",
        ),
        ("redshift_workgroup", "no-such-workgroup", "REDSHIFT_WORKGROUP no-such-workgroup "),
    ],
)
def test_a_missing_resource_is_reported_after_the_wait(settings, client, key, value, message):
    clock = Clock()
    with pytest.raises(init.NotReadyError, match=message):
        await_aws(settings | {key: value}, client, clock)
    assert clock.now == pytest.approx(init.WAIT_SECONDS, abs=5)


def test_a_resource_that_appears_late_is_found(settings, client):
    clock = Clock()
    clock.on_sleep = lambda: clock.now < 20 or client("s3").create_bucket(Bucket="late-lake")
    _, lines = await_aws(settings | {"s3_bucket": "late-lake"}, client, clock)
    assert lines[2].startswith("waiting up to 180 s: S3_BUCKET late-lake ")
    assert lines[3] == "found S3_BUCKET late-lake"
    assert clock.now >= 20


def test_an_aws_that_does_not_respond_is_reported_after_the_wait(settings):
    clock = Clock()
    with pytest.raises(init.NotReadyError, match=r"docker compose logs local-aws"):
        await_aws(settings, lambda service: local_client(service, "http://127.0.0.1:1"), clock)
    assert clock.now >= init.WAIT_SECONDS


def test_a_missing_database_is_reported_without_waiting(settings, client):
    clock = Clock()
    with pytest.raises(
        init.NotReadyError, match=r'REDSHIFT_DATABASE nowhere.*: FATAL: database "nowhere" does not exist'
    ):
        await_aws(settings | {"redshift_database": "nowhere"}, client, clock)
    assert clock.now == 0


def test_the_trigger_forms_offer_the_symbols_of_the_settings(tmp_path):
    init.write_choices({"sources": {"binance": {"symbols": ["BTCUSDT"], "api_url": "http://x"}}}, tmp_path / "choices")
    assert json.loads((tmp_path / "choices").read_text()) == {"binance": ["BTCUSDT"]}


class StuckDataApi:
    """A Data API whose statements never start."""

    def __init__(self):
        self.cancelled = []

    def execute_statement(self, **parameters):
        return {"Id": "a-statement"}

    def describe_statement(self, Id):
        return {"Status": "SUBMITTED"}

    def cancel_statement(self, Id):
        self.cancelled.append(Id)
        return {"Status": True}


def test_a_statement_that_does_not_end_is_cancelled_and_reported():
    clock, data_api = Clock(), StuckDataApi()
    target = {"redshift_workgroup": "w", "redshift_database": "d", "redshift_secret_arn": "s"}
    with pytest.raises(init.NotReadyError, match=r"a-statement submitted: .* 180 s"):
        init.ask_warehouse(data_api, target, sleep=clock.sleep, clock=clock)
    assert data_api.cancelled == ["a-statement"]
    assert clock.now == pytest.approx(init.WAIT_SECONDS, abs=5)


def test_missing_credentials_are_reported_without_waiting(settings, local_aws, monkeypatch):
    # Another test in this process may have run moto, which sets its own credentials.
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)

    def unsigned(service):
        session = local_session(access_key_id="", secret_access_key="")
        return local_client(service, local_aws.endpoint, session)

    clock = Clock()
    with pytest.raises(init.NotReadyError, match=r"the credentials of \.env: Unable to locate credentials"):
        await_aws(settings, unsigned, clock)
    assert clock.now == 0
