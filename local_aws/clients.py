"""boto3 sessions and clients for the local AWS, and the environment variables that point other programs to it."""

from __future__ import annotations

from typing import Any, TypedDict

import boto3
import botocore.loaders
import botocore.session
from botocore.config import Config

from local_aws.protocol.account import DEFAULT_REGION, ROOT_ACCESS_KEY

ACCESS_KEY_ID = ROOT_ACCESS_KEY
SECRET_ACCESS_KEY = "local-aws"  # noqa: S105 - signatures are not verified, but botocore requires a key

_SERVICE_DESCRIPTIONS = botocore.loaders.create_loader()
"""All sessions share it. By default, each reads megabytes of JSON again."""


class Credentials(TypedDict):
    """Temporary credentials of a role, as STS returns them."""

    AccessKeyId: str
    SecretAccessKey: str
    SessionToken: str


def aws_environment(endpoint: str, region: str = DEFAULT_REGION) -> dict[str, str]:
    """Return the environment variables that point any AWS SDK, the AWS CLI and Terraform to the local AWS."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_DEFAULT_REGION": region,
        "AWS_REGION": region,
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",  # MWAA's API is at api.<host>, which no loopback address has
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def local_session(
    *,
    access_key_id: str = ACCESS_KEY_ID,
    secret_access_key: str = SECRET_ACCESS_KEY,
    session_token: str | None = None,
    region: str = DEFAULT_REGION,
) -> boto3.session.Session:
    """Return a boto3 session with this region and these credentials, regardless of the environment."""
    core = botocore.session.get_session()
    core.register_component("data_loader", _SERVICE_DESCRIPTIONS)
    return boto3.session.Session(
        botocore_session=core,
        aws_access_key_id=access_key_id,
        aws_secret_access_key=secret_access_key,
        aws_session_token=session_token,
        region_name=region,
    )


def local_client(service: str, endpoint: str, session: boto3.session.Session | None = None) -> Any:
    """Return a boto3 client for the local AWS.

    Args:
        service: The service's name in boto3.
        endpoint: The URL of the local AWS.
        session: The session that creates the client. Sessions are not thread-safe, clients are.
    """
    config = Config(
        s3={"addressing_style": "path"}, inject_host_prefix=False, retries={"total_max_attempts": 1}, read_timeout=60
    )
    return (session or local_session()).client(service, endpoint_url=endpoint, config=config)  # type: ignore[call-overload]
