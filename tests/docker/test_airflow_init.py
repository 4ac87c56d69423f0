import json

import pytest

from local_aws.provision import local_client, local_session
from tests.docker.load_docker_script import load

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
    return init.await_aws(settings, client, sleep=clock.sleep, clock=clock)


def test_what_the_settings_name_is_found(settings, client):
    found = await_aws(settings, client)
    assert [line.split()[0] for line in found] == [
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
    assert await_aws(settings | {"s3_bucket": "late-lake"}, client, clock)
    assert clock.now >= 20


def test_an_aws_that_does_not_answer_is_waited_for(settings):
    clock = Clock()
    with pytest.raises(init.NotReadyError, match=r"AWS does not answer: .*Is AWS_ENDPOINT_URL right"):
        await_aws(settings, lambda service: local_client(service, "http://127.0.0.1:1"), clock)
    assert clock.now >= init.WAIT_SECONDS


def test_a_database_that_is_not_there_is_said_at_once(settings, client):
    clock = Clock()
    with pytest.raises(
        init.NotReadyError, match=r'REDSHIFT_DATABASE nowhere.*: FATAL: database "nowhere" does not exist'
    ):
        await_aws(settings | {"redshift_database": "nowhere"}, client, clock)
    assert clock.now == 0


def test_a_refusal_is_not_waited_out(settings, local_aws):
    def unsigned(service):
        session = local_session(access_key_id="", secret_access_key="")
        return local_client(service, local_aws.endpoint, session)

    clock = Clock()
    with pytest.raises(init.NotReadyError, match="S3_BUCKET"):
        await_aws(settings, unsigned, clock)
    assert clock.now == 0
