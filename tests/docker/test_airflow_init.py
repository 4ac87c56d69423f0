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
    """Time that passes only while somebody waits."""

    def __init__(self):
        self.now = 0.0
        self.meanwhile = lambda: None

    def sleep(self, seconds):
        self.now += seconds
        self.meanwhile()

    def __call__(self):
        return self.now


def await_aws(settings, client, clock=None):
    clock = clock or Clock()
    said = []
    account = init.await_aws(settings, client, say=said.append, sleep=clock.sleep, clock=clock)
    return account, said


@pytest.fixture
def home(tmp_path):
    """Airflow's home with the bundle's packages, as files that a test may make unreadable."""
    for name in init.BUNDLE:
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.py").write_text("")
    return tmp_path


def test_a_readable_bundle_is_fine(home):
    init.check_bundle(home)


@pytest.mark.parametrize("name", ["sql", "plugins/a.py"])
def test_a_bundle_that_the_containers_user_cannot_read_is_named(home, monkeypatch, name):
    monkeypatch.setattr(init.os, "access", lambda path, mode: path != home / name)  # root may read everything
    with pytest.raises(init.NotReadyError, match=rf"cannot read {home / name}\. In the checkout, run: chmod"):
        init.check_bundle(home)


def test_a_bundle_that_is_not_mounted_is_named(home):
    (home / "dags" / "a.py").unlink()
    with pytest.raises(init.NotReadyError, match=f"{home / 'dags'} is empty: docker-compose.yaml mounts ./dags"):
        init.check_bundle(home)


LOCAL = {"AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": "http://local-aws:4566", "AWS_ACCESS_KEY_ID": "local-aws"}


def check_settings(settings, **environment):
    return init.check_settings(json.dumps(settings), LOCAL | environment)


def test_settings_that_the_bundle_takes_pass(settings):
    assert check_settings(settings) == settings
    assert check_settings(settings, AWS_ENDPOINT_URL="", AWS_ACCESS_KEY_ID="AKIAIOSFODNN7EXAMPLE") == settings


def test_settings_that_the_bundle_refuses_are_named(settings):
    with pytest.raises(init.NotReadyError, match=r"s3_bucket: .*They come from \.env: "):
        check_settings(settings | {"s3_bucket": "No Bucket"})
    with pytest.raises(init.NotReadyError, match=r"They come from \.env: {broken"):
        init.check_settings("{broken", LOCAL)


def test_a_region_of_the_shell_is_said(settings):
    with pytest.raises(init.NotReadyError, match=r"AWS_REGION is eu-central-1, but REDSHIFT_SECRET_ARN .*shell wins"):
        check_settings(settings, AWS_REGION="eu-central-1")


@pytest.mark.parametrize("key", ["AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE"])
def test_a_real_key_is_not_given_to_the_local_aws(settings, key):
    with pytest.raises(init.NotReadyError, match="of a real account, and would be given to http://local-aws") as said:
        check_settings(settings, AWS_ACCESS_KEY_ID=key)
    assert key not in str(said.value)
    with pytest.raises(
        init.NotReadyError, match=r"env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY -u AWS_SESSION_TO"
    ):
        check_settings(settings, AWS_SESSION_TOKEN="of the shell")


def test_platforms_of_one_account_are_told_apart(settings):
    dev = init.described_aws("123456789012", None, settings)
    assert dev == "account 123456789012 at AWS, us-east-1, lake crypto-prices-lake, workgroup crypto-prices"
    for name in ("s3_bucket", "redshift_workgroup"):
        assert init.described_aws("123456789012", None, settings | {name: "other"}) != dev


def test_the_aws_of_the_runs_is_remembered_and_another_refused():
    kept = []

    def check(aws):
        init.check_same_aws(aws, lambda: kept[-1] if kept else None, kept.append)

    check("account 1 at AWS")
    check("account 1 at AWS")
    assert kept == ["account 1 at AWS"]
    with pytest.raises(init.NotReadyError, match=r"are of account 1 at AWS, and \.env now names account 2 at AWS"):
        check("account 2 at AWS")
    assert kept == ["account 1 at AWS"]


def test_what_the_settings_name_is_found(settings, client):
    account, said = await_aws(settings, client)
    assert account == "123456789012"
    assert said[0].startswith("AWS takes the credentials of .env for arn:aws:")
    assert [line.split()[1] for line in said[2:]] == [
        "S3_BUCKET",
        "GLUE_JOB_NAME",
        "GLUE_DATABASE",
        "REDSHIFT_SECRET_ARN",
        "REDSHIFT_WORKGROUP",
    ]


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("s3_bucket", "no-such-bucket", "S3_BUCKET no-such-bucket is not there"),
        ("glue_job_name", "no-such-job", "GLUE_JOB_NAME no-such-job is not there"),
        ("catalog_table", "no_such_table", "GLUE_DATABASE and GLUE_TABLE crypto.no_such_table is not there"),
        (
            "redshift_secret_arn",
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:no-such",
            "REDSHIFT_SECRET_ARN arn:.*no-such is not there",
        ),
        ("redshift_workgroup", "no-such-workgroup", "REDSHIFT_WORKGROUP no-such-workgroup .* is not there"),
    ],
)
def test_what_never_comes_is_named_after_a_while(settings, client, key, value, said):
    clock = Clock()
    with pytest.raises(init.NotReadyError, match=said):
        await_aws(settings | {key: value}, client, clock)
    assert clock.now == pytest.approx(init.WAIT_SECONDS, abs=5)


def test_what_comes_late_is_waited_for(settings, client):
    clock = Clock()
    clock.meanwhile = lambda: clock.now < 20 or client("s3").create_bucket(Bucket="late-lake")
    _, said = await_aws(settings | {"s3_bucket": "late-lake"}, client, clock)
    assert said[2].startswith("waiting up to 180 s: S3_BUCKET late-lake is not there")
    assert said[3] == "found S3_BUCKET late-lake"
    assert clock.now >= 20


def test_an_aws_that_does_not_answer_is_waited_for(settings):
    clock = Clock()
    with pytest.raises(init.NotReadyError, match=r"AWS does not answer: .*docker compose logs local-aws"):
        await_aws(settings, lambda service: local_client(service, "http://127.0.0.1:1"), clock)
    assert clock.now >= init.WAIT_SECONDS


def test_a_database_that_is_not_there_is_said_at_once(settings, client):
    clock = Clock()
    with pytest.raises(
        init.NotReadyError, match=r'REDSHIFT_DATABASE nowhere.*: FATAL: database "nowhere" does not exist'
    ):
        await_aws(settings | {"redshift_database": "nowhere"}, client, clock)
    assert clock.now == 0


def test_a_refusal_is_not_waited_out(settings, local_aws, monkeypatch):
    # Another test of this process may have run moto, which sets its own credentials.
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)

    def unsigned(service):
        session = local_session(access_key_id="", secret_access_key="")
        return local_client(service, local_aws.endpoint, session)

    clock = Clock()
    with pytest.raises(init.NotReadyError, match=r"the credentials of \.env: Unable to locate credentials"):
        await_aws(settings, unsigned, clock)
    assert clock.now == 0
