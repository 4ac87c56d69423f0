import os

import pytest

from local_aws.personal_settings import forget_personal_settings, without_proxy


def test_the_users_settings_are_removed_and_the_proxy_stays_for_other_hosts():
    environment = {
        "AWS_PROFILE": "work", "AWS_ENDPOINT_URL_S3": "https://s3.example", "PATH": "/bin", "http_proxy": "http://p:1",
        "PGOPTIONS": "-c x=1", "PGSERVICE": "work",
    }  # fmt: skip
    forget_personal_settings(environment)
    assert environment == {
        "PATH": "/bin",
        "http_proxy": "http://p:1",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


@pytest.mark.parametrize(
    ("environment", "value"),
    [
        ({}, "127.0.0.1,localhost"),
        ({"NO_PROXY": "intranet"}, "intranet,127.0.0.1,localhost"),
        ({"no_proxy": "intranet, localhost"}, "intranet,localhost,127.0.0.1"),
        ({"NO_PROXY": "a,127.0.0.1,localhost"}, "a,127.0.0.1,localhost"),
        ({"no_proxy": "*"}, "*"),
    ],
)
def test_loopback_is_added_once_and_no_proxy_at_all_stays_so(environment, value):
    assert without_proxy(environment) == value
