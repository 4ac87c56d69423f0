"""Proves that the roles of GitHub's workflows (terraform/github/) suffice for the calls that are made for them.

The local AWS issues no OIDC tokens, so Terraform and the publication of a release run as the administrator. The checks
of their calls are decided again under the policies of the role.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from local_aws.iam.authorization_log import RecordedCheck, denied_under, read_log

Client = Callable[[str], Any]

_WRITES_PERMISSIONS = "iam:PutRolePolicy"
_RELEASE = "releases/0.0.0/SHA256SUMS"
_ALREADY_THERE = "PreconditionFailed"


class RolesError(Exception):
    """A role cannot do its work, or a role of the platform is not limited; the message names it."""


def policies_of(iam: Any, role: str) -> dict[str, Mapping[str, Any]]:
    """Return the documents of a role's inline and attached policies, by name.

    Args:
        iam: A client of IAM.
        role: The role's name.
    """
    found: dict[str, Mapping[str, Any]] = {}
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        found[name] = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    for attached in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        found |= managed_policy(iam, attached["PolicyArn"])
    return found


def managed_policy(iam: Any, arn: str) -> dict[str, Mapping[str, Any]]:
    """Return the document of a managed policy, by its ARN.

    Args:
        iam: A client of IAM.
        arn: The policy's ARN.
    """
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    return {arn: iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]}


def require_boundary(iam: Any, prefix: str, boundary: str) -> list[str]:
    """Check that all roles with a prefix have a permissions boundary.

    Returns:
        The names of the roles.

    Raises:
        RolesError: A role has none, or another one.
    """
    names = [role["RoleName"] for page in iam.get_paginator("list_roles").paginate() for role in page["Roles"]]
    limited = [name for name in names if name.startswith(prefix)]
    for name in limited:
        found = iam.get_role(RoleName=name)["Role"].get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
        if found != boundary:
            raise RolesError(f"{name} has the permissions boundary {found}, expected {boundary}")
    return limited


@dataclasses.dataclass
class TerraformCalls:
    """Reads Terraform's checks from the authorization log.

    Attributes:
        log: The log.
        boundary: The permissions boundary of the platform's roles, which ``require_boundary`` has checked.
    """

    log: Path
    boundary: str
    _read: int = 0

    def skip(self) -> None:
        """Leave out everything until now."""
        self._read += sum(1 for _ in self._new())

    def checks(self) -> list[RecordedCheck]:
        """Return the checks of Terraform's calls since the last time."""
        return [self._completed(check) for check in self.all_checks() if _is_terraform(check)]

    def all_checks(self) -> list[RecordedCheck]:
        """Return the checks of all calls since the last time."""
        recorded = list(self._new())
        self._read += len(recorded)
        return recorded

    def _new(self) -> Iterator[RecordedCheck]:
        return (check for number, check in enumerate(read_log(self.log)) if number >= self._read)

    def _completed(self, check: RecordedCheck) -> RecordedCheck:
        """Add the condition key that AWS derives from the role, which the local IAM does not know."""
        if check.action != _WRITES_PERMISSIONS:
            return check
        return dataclasses.replace(check, keys={**check.keys, "iam:PermissionsBoundary": (self.boundary,)})


def require_allowed(iam: Any, role: str, checks: Sequence[RecordedCheck]) -> str:
    """Check that a role allows calls.

    Args:
        iam: A client of IAM.
        role: The role's name.
        checks: The checks of the calls.

    Returns:
        The number of checks as text.

    Raises:
        RolesError: The role would be denied a call, or there are no checks.
    """
    if not checks:
        raise RolesError(f"{role}: no calls were made, so nothing is proved")
    if denied := denied_under(policies_of(iam, role), checks):
        raise RolesError(f"{role} would be denied " + "; ".join(_named(denied)))
    return f"{role}: {len(checks)} checks allowed"


def publish(s3: Any, bucket: str) -> None:
    """Make the calls of .github/scripts/publish-release: upload a file, and compare it if it is already there.

    Args:
        s3: A client of S3.
        bucket: The bucket of the releases.

    Raises:
        RolesError: The second upload replaced the file.
    """
    upload = {"Bucket": bucket, "Key": _RELEASE, "Body": b"proof", "IfNoneMatch": "*"}
    s3.put_object(**upload)
    try:
        s3.put_object(**upload)
    except ClientError as error:
        if error.response["Error"]["Code"] != _ALREADY_THERE:
            raise
    else:
        raise RolesError(f"the second upload of s3://{bucket}/{_RELEASE} replaced the first one")
    s3.get_object(Bucket=bucket, Key=_RELEASE)


def tamper(s3: Any, bucket: str) -> None:
    """Make the calls that would change a published release, or write elsewhere.

    Args:
        s3: A client of S3.
        bucket: The bucket of the releases.
    """
    s3.put_object(Bucket=bucket, Key=_RELEASE, Body=b"changed")
    s3.put_object(Bucket=bucket, Key="elsewhere", Body=b"proof", IfNoneMatch="*")
    s3.delete_object(Bucket=bucket, Key=_RELEASE)


def require_denied(name: str, policies: Mapping[str, Mapping[str, Any]], checks: Sequence[RecordedCheck]) -> str:
    """Check that policies deny each call.

    Args:
        name: The name of the role or the boundary, for messages.
        policies: The documents by name.
        checks: The checks of the calls.

    Returns:
        The number of checks as text.

    Raises:
        RolesError: A call would be allowed, or there are no checks.
    """
    if not checks:
        raise RolesError(f"{name}: no calls were made, so nothing is proved")
    denied = denied_under(policies, checks)
    if allowed := [check for check in checks if check not in denied]:
        raise RolesError(f"{name} would be allowed " + "; ".join(_named(allowed)))
    return f"{len(denied)} denied"


def require_needed(iam: Any, role: str, checks: Sequence[RecordedCheck], exceptions: Mapping[str, str]) -> None:
    """Check that a role has no action that none of its calls needs, and that no exception is out of date.

    Args:
        iam: A client of IAM.
        role: The role's name.
        checks: The checks of the calls.
        exceptions: The actions that other calls need, with the reasons.

    Raises:
        RolesError: Nothing needs an action, or a call needs an action that is listed as an exception.
    """
    allowed = {
        action
        for document in policies_of(iam, role).values()
        for statement in document["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }
    needed = {check.action for check in checks}
    if needless := sorted(allowed - needed - exceptions.keys()):
        raise RolesError(f"{role} has actions that nothing needs: {', '.join(needless)}")
    if outdated := sorted(exceptions.keys() - (allowed - needed)):
        raise RolesError(f"{role}: the exceptions for {', '.join(outdated)} are not needed")


def _named(checks: Iterable[RecordedCheck]) -> list[str]:
    return list(dict.fromkeys(f"{check.action} on {check.resource}" for check in checks))


def _is_terraform(check: RecordedCheck) -> bool:
    return any("terraform-provider-aws" in agent for agent in check.keys.get("aws:UserAgent", ()))
