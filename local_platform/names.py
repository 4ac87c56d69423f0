"""The names of the platform's resources in the local AWS."""

from __future__ import annotations

import dataclasses
import re

from local_aws.protocol.account import ACCOUNT_ID, DEFAULT_REGION

BUCKET = "crypto-prices-lake"
CATALOG_DATABASE = "crypto"
CATALOG_TABLE = "crypto_prices"
GLUE_JOB = "curate_crypto_prices"
REDSHIFT_NAME = "crypto-prices"
REDSHIFT_DATABASE = "crypto"
ADMIN_SECRET = "crypto-prices/redshift-admin"  # noqa: S105 - a name
SETTINGS_SECRET = "airflow/variables/crypto_prices_settings"  # noqa: S105 - a name

COPY_ROLE = "crypto-prices-redshift-copy"


class NameNotPossibleError(ValueError):
    """A resource cannot have the requested name; the message has the reason."""


@dataclasses.dataclass(frozen=True)
class Names:
    """The names of the resources to create.

    Attributes:
        region: The region of the resources.
        bucket: The lake's bucket.
        catalog_database: The Glue database.
        catalog_table: The Glue table of the curated prices.
        glue_job: The Glue job.
        redshift: The name of the Redshift Serverless namespace and of its workgroup.
        redshift_database: The database in the warehouse.
        admin_secret: The secret with the warehouse's admin user.
        copy_role: The role with which COPY reads the lake.
    """

    region: str = DEFAULT_REGION
    bucket: str = BUCKET
    catalog_database: str = CATALOG_DATABASE
    catalog_table: str = CATALOG_TABLE
    glue_job: str = GLUE_JOB
    redshift: str = REDSHIFT_NAME
    redshift_database: str = REDSHIFT_DATABASE
    admin_secret: str = ADMIN_SECRET
    copy_role: str = COPY_ROLE


def secret_name(arn: str, region: str) -> str:
    """Return the name that gives a secret an ARN.

    Args:
        arn: The ARN without the hyphen and the six characters that Secrets Manager appends.
        region: The region of the local AWS.

    Raises:
        NameNotPossibleError: The ARN has another account or region, or still has the ending, which cannot be chosen.
            https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html#ARN_secretnamehyphen
    """
    prefix = f"arn:aws:secretsmanager:{region}:{ACCOUNT_ID}:secret:"
    name = arn.removeprefix(prefix)
    if not arn.startswith(prefix) or re.fullmatch(r"[A-Za-z0-9/_+=.@-]+", name) is None:
        raise NameNotPossibleError(f"{arn} is not a secret of the local AWS: its ARN must be {prefix}<name>")
    if re.search(r"-[A-Za-z0-9]{6}$", name):
        raise NameNotPossibleError(f"{arn} ends like an existing secret: leave out the last 7 characters")
    return name


def role_name(arn: str) -> str:
    """Return the name that gives a role an ARN.

    Raises:
        NameNotPossibleError: The ARN has another account, or is not the ARN of a role without a path.
    """
    prefix = f"arn:aws:iam::{ACCOUNT_ID}:role/"
    name = arn.removeprefix(prefix)
    if not arn.startswith(prefix) or re.fullmatch(r"[A-Za-z0-9_+=,.@-]{1,64}", name) is None:
        raise NameNotPossibleError(f"{arn} is not a role of the local AWS: its ARN must be {prefix}<name>")
    return name


@dataclasses.dataclass(frozen=True)
class Provisioned:
    """The names of the provisioned resources.

    Attributes:
        endpoint: The URL of the local AWS.
        region: The region.
        account_id: The account.
        bucket: The lake's bucket.
        catalog_database: The Glue database.
        catalog_table: The Glue table of the curated prices.
        glue_job: The Glue job.
        redshift_namespace: The Redshift Serverless namespace.
        redshift_workgroup: Its workgroup.
        redshift_database: The database in the warehouse.
        redshift_secret_arn: The secret with the warehouse's admin user.
        redshift_copy_role_arn: The role with which COPY reads the lake.
        mwaa_role_arn: The role of the Airflow environment.
        glue_role_arn: The role of the Glue job.
        settings_secret: The name of the secret with the bundle's settings; None if it was not written.
        created: Descriptions of the resources that this run created or changed; empty if nothing was necessary.
    """

    endpoint: str
    region: str
    account_id: str
    bucket: str
    catalog_database: str
    catalog_table: str
    glue_job: str
    redshift_namespace: str
    redshift_workgroup: str
    redshift_database: str
    redshift_secret_arn: str
    redshift_copy_role_arn: str
    mwaa_role_arn: str
    glue_role_arn: str
    settings_secret: str | None
    created: tuple[str, ...]
