"""Proves that the roles of GitHub's workflows (terraform/github/) suffice for the calls that Terraform makes for them.

The local AWS issues no OIDC tokens, so Terraform runs as the administrator. The checks of its calls are decided again
under the policies of the role.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from local_aws.iam.authorization_log import RecordedCheck, denied_under, read_log

Client = Callable[[str], Any]

NOT_IN_EVERY_PLAN: Mapping[str, str] = {
    "budgets:ListTagsForResource": "only an environment with monthly_budget_usd has a budget",
    "budgets:ViewBudget": "only an environment with monthly_budget_usd has a budget",
    "sns:GetSubscriptionAttributes": "only an environment with alarm_emails has subscriptions",
}
"""Actions of the plan role that a plan of some environments does not need, with the reasons."""

_WRITES_PERMISSIONS = "iam:PutRolePolicy"


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
        arn = attached["PolicyArn"]
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        found[arn] = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    return found


def require_boundary(iam: Any, prefix: str, boundary: str) -> int:
    """Check that all roles with a prefix have a permissions boundary.

    Returns:
        The number of roles.

    Raises:
        RolesError: A role has none, or another one.
    """
    names = [role["RoleName"] for page in iam.get_paginator("list_roles").paginate() for role in page["Roles"]]
    limited = [name for name in names if name.startswith(prefix)]
    for name in limited:
        found = iam.get_role(RoleName=name)["Role"].get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
        if found != boundary:
            raise RolesError(f"{name} has the permissions boundary {found}, expected {boundary}")
    return len(limited)


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
        recorded = list(self._new())
        self._read += len(recorded)
        return [self._completed(check) for check in recorded if _is_terraform(check)]

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
        raise RolesError(f"{role}: Terraform made no calls, so nothing is proved")
    if denied := denied_under(policies_of(iam, role), checks):
        raise RolesError(f"{role} would be denied " + "; ".join(_named(denied)))
    return f"{role}: {len(checks)} checks allowed"


def require_needed(iam: Any, role: str, checks: Sequence[RecordedCheck], exceptions: Mapping[str, str]) -> None:
    """Check that a role has no action that none of its calls needs.

    Args:
        iam: A client of IAM.
        role: The role's name.
        checks: The checks of the calls.
        exceptions: The actions that other calls need, with the reasons.

    Raises:
        RolesError: Nothing needs an action.
    """
    allowed = {
        action
        for document in policies_of(iam, role).values()
        for statement in document["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }
    if needless := sorted(allowed - {check.action for check in checks} - exceptions.keys()):
        raise RolesError(f"{role} has actions that nothing needs: {', '.join(needless)}")


def _named(checks: Iterable[RecordedCheck]) -> list[str]:
    return list(dict.fromkeys(f"{check.action} on {check.resource}" for check in checks))


def _is_terraform(check: RecordedCheck) -> bool:
    return any("terraform-provider-aws" in agent for agent in check.keys.get("aws:UserAgent", ()))
