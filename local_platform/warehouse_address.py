"""Finds the warehouse of a running local AWS, with or without the names of its resources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from local_aws.clients import local_client, local_session
from local_aws.protocol.account import DEFAULT_REGION
from local_platform.names import ADMIN_SECRET, REDSHIFT_NAME


class NoWarehouseError(Exception):
    """There is no warehouse to connect to; the message has the remedy."""


@dataclass(frozen=True)
class WarehouseAddress:
    """The warehouse of a running local AWS.

    Attributes:
        endpoint: The URL of the local AWS.
        region: The region of its resources.
        redshift_workgroup: The Redshift Serverless workgroup.
        redshift_database: The database.
        redshift_secret_arn: The secret with the admin user.
        admin: The name of the admin user.
        socket: Folder and number of PostgreSQL's Unix socket, as ``host`` and ``port`` of libpq.
        published_port: The TCP port of the warehouse, as seen from outside of a container; None if it has none.
    """

    endpoint: str
    region: str
    redshift_workgroup: str
    redshift_database: str
    redshift_secret_arn: str
    admin: str
    socket: tuple[str, int]
    published_port: int | None


def warehouse_address(document: dict[str, Any]) -> WarehouseAddress:
    """Return the address of the warehouse of a running local AWS.

    Args:
        document: What ``running_local_aws`` returns. It names the resources only if their program has announced them;
            ``make demo`` and ``make airflow`` use the default names and announce none.

    Raises:
        NoWarehouseError: The local AWS has no warehouse yet.
    """
    names = document["names"] or {}
    region = names.get("region", DEFAULT_REGION)
    session = local_session(region=region)
    serverless = local_client("redshift-serverless", document["endpoint"], session)
    secrets = local_client("secretsmanager", document["endpoint"], session)
    try:
        found = serverless.get_namespace(namespaceName=names.get("redshift_namespace", REDSHIFT_NAME))["namespace"]
        secret = secrets.describe_secret(SecretId=names.get("redshift_secret_arn", ADMIN_SECRET))["ARN"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        raise NoWarehouseError(
            f"the local AWS at {document['endpoint']} has no warehouse yet: wait until it is provisioned, or start it "
            "without --no-provision"
        ) from None
    return WarehouseAddress(
        endpoint=document["endpoint"],
        region=region,
        redshift_workgroup=names.get("redshift_workgroup", REDSHIFT_NAME),
        redshift_database=found["dbName"],
        redshift_secret_arn=secret,
        admin=found["adminUsername"],
        socket=(document["warehouse_socket"]["host"], document["warehouse_socket"]["port"]),
        published_port=document["published_warehouse_port"],
    )
