"""Deletes what the suite created in a real account, and returns what is left."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from local_aws.conformance.sql_run import Statements

_DROP_ATTEMPTS = 12
_DROP_WAIT_SECONDS = 10


class Names(Protocol):
    """The names of a run, and its clients (``local_aws.conformance.target.Target``)."""

    @property
    def prefix(self) -> str:
        """Begins the name of everything that the run creates."""

    @property
    def bucket(self) -> str:
        """The bucket."""

    @property
    def database(self) -> str:
        """The run's own database in the warehouse."""

    def client(self, service: str) -> Any:
        """Return a boto3 client."""


def deleted(target: Names, statements: Statements) -> list[str]:
    """Delete everything whose name begins with the target's prefix; return what is left, with the reason.

    Args:
        target: The suite's names and clients.
        statements: Runs statements in another database than the suite's own.
    """
    left = _database_left(target, statements)
    for kind, delete in (
        ("objects", _delete_objects),
        ("Glue databases", _delete_glue_databases),
        ("Glue jobs", _delete_glue_jobs),
        ("secrets", _delete_secrets),
        ("IAM roles", _delete_roles),
        ("IAM users", _delete_users),
    ):
        try:
            left += [f"{kind}: {problem}" for problem in delete(target)]
        except (BotoCoreError, ClientError) as failure:
            left.append(f"{kind} that begin with {target.prefix}: {failure}")
    return left


def _database_left(target: Names, statements: Statements) -> list[str]:
    refusal = ""
    for attempt in range(_DROP_ATTEMPTS):  # a connection of the Data API may still be open
        if attempt:
            time.sleep(_DROP_WAIT_SECONDS)
        refusal = statements.run(f"DROP DATABASE {target.database} FORCE").error
        if not refusal:
            return []
    return [f"database {target.database}: {refusal}"]


def _delete_objects(target: Names) -> Iterator[str]:
    """Delete all versions: a bucket may keep them, and a deletion without a version only adds a marker."""
    s3 = target.client("s3")
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=target.bucket, Prefix=f"{target.prefix}/")
    for page in pages:
        found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        versions = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
        if versions:
            done = s3.delete_objects(Bucket=target.bucket, Delete={"Objects": versions, "Quiet": True})
            for error in done.get("Errors", ()):
                yield f"{error['Key']}: {error['Code']} {error['Message']}"


def _delete_glue_databases(target: Names) -> Iterator[str]:
    glue = target.client("glue")
    for page in glue.get_paginator("get_databases").paginate():
        for database in page["DatabaseList"]:
            if database["Name"].startswith((target.prefix, target.database)):
                yield from _tried(database["Name"], glue.delete_database, Name=database["Name"])


def _delete_glue_jobs(target: Names) -> Iterator[str]:
    glue = target.client("glue")
    for page in glue.get_paginator("get_jobs").paginate():
        for job in page["Jobs"]:
            if job["Name"].startswith(target.prefix):
                yield from _tried(job["Name"], glue.delete_job, JobName=job["Name"])


def _delete_secrets(target: Names) -> Iterator[str]:
    secrets = target.client("secretsmanager")
    for page in secrets.get_paginator("list_secrets").paginate(IncludePlannedDeletion=True):
        for secret in page["SecretList"]:
            if secret["Name"].startswith(target.prefix):
                yield from _tried(
                    secret["Name"], secrets.delete_secret, SecretId=secret["ARN"], ForceDeleteWithoutRecovery=True
                )


def _delete_roles(target: Names) -> Iterator[str]:
    iam = target.client("iam")
    for page in iam.get_paginator("list_roles").paginate():
        for role in page["Roles"]:
            name = role["RoleName"]
            if name.startswith(target.prefix):
                for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
                    yield from _tried(name, iam.delete_role_policy, RoleName=name, PolicyName=policy)
                yield from _tried(name, iam.delete_role, RoleName=name)


def _delete_users(target: Names) -> Iterator[str]:
    iam = target.client("iam")
    for page in iam.get_paginator("list_users").paginate():
        for user in page["Users"]:
            if user["UserName"].startswith(target.prefix):
                yield from _tried(user["UserName"], iam.delete_user, UserName=user["UserName"])


def _tried(name: str, delete: Callable[..., Any], **request: Any) -> Iterator[str]:
    """Delete one thing, and return the failure, so that the others are deleted, too."""
    try:
        delete(**request)
    except (BotoCoreError, ClientError) as failure:
        yield f"{name}: {failure}"
