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
    for name in _names(glue, "get_databases", "DatabaseList", "Name", (target.prefix, target.database)):
        yield from _tried(name, glue.delete_database, Name=name)


def _delete_glue_jobs(target: Names) -> Iterator[str]:
    glue = target.client("glue")
    for name in _names(glue, "get_jobs", "Jobs", "Name", target.prefix):
        yield from _tried(name, glue.delete_job, JobName=name)


def _delete_secrets(target: Names) -> Iterator[str]:
    secrets = target.client("secretsmanager")
    for name in _names(secrets, "list_secrets", "SecretList", "Name", target.prefix, IncludePlannedDeletion=True):
        yield from _tried(name, secrets.delete_secret, SecretId=name, ForceDeleteWithoutRecovery=True)


def _delete_roles(target: Names) -> Iterator[str]:
    iam = target.client("iam")
    for name in _names(iam, "list_roles", "Roles", "RoleName", target.prefix):
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            yield from _tried(name, iam.delete_role_policy, RoleName=name, PolicyName=policy)
        yield from _tried(name, iam.delete_role, RoleName=name)


def _delete_users(target: Names) -> Iterator[str]:
    iam = target.client("iam")
    for name in _names(iam, "list_users", "Users", "UserName", target.prefix):
        yield from _tried(name, iam.delete_user, UserName=name)


def _names(
    client: Any, listing: str, member: str, key: str, prefix: str | tuple[str, ...], **request: Any
) -> Iterator[str]:
    """Yield the names in a listing that start with a prefix."""
    for page in client.get_paginator(listing).paginate(**request):
        yield from (each[key] for each in page[member] if each[key].startswith(prefix))


def _tried(name: str, delete: Callable[..., Any], **request: Any) -> Iterator[str]:
    """Delete one thing, and return the failure, so that the others are deleted, too."""
    try:
        delete(**request)
    except (BotoCoreError, ClientError) as failure:
        yield f"{name}: {failure}"
