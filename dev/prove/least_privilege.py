"""Proves that every permission of every role is needed: from the recorded checks, and by removing it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from dev.prove.not_exercised import Exceptions
from dev.prove.permissions import Documents, Permission, first_denied, permissions_of, removals_of, without
from dev.prove.scenarios import SCENARIOS, Platform, Step, first_error
from local_aws.iam.authorization_log import RecordedCheck, read_log
from local_aws.iam.patterns import like

DAYS_APART = 3
"""The distance between the days of two scenarios, so that they do not overlap."""


@dataclass(frozen=True)
class ScenarioRecord:
    """A scenario's run with all permissions.

    Attributes:
        name: The scenario.
        steps: Its steps.
        checks: All authorization checks during the run, of all roles.
    """

    name: str
    steps: Sequence[Step]
    checks: Sequence[RecordedCheck]


@dataclass(frozen=True)
class Need:
    """The scenario and the check that need a permission.

    Attributes:
        permission: The permission.
        scenario: The first scenario with a denied check without it; None if there is none.
        check: The first check that would be denied; None if there is none.
        reason: The known reason why no scenario needs it; None otherwise.
    """

    permission: Permission
    scenario: str | None
    check: RecordedCheck | None
    reason: str | None


@dataclass(frozen=True)
class Removal:
    """The result of removing a permission.

    Attributes:
        need: The expected failure.
        red: The step that failed; None if all succeeded, which fails the proof.
        denied: Whether IAM denied the removed action.
    """

    need: Need
    red: Step | None
    denied: bool


class LeastPrivilege:
    """Runs the scenarios, with all permissions and without one.

    Args:
        platform: The platform that Terraform created.
        roles: The names of all roles by purpose (``mwaa``, ``glue``, ``copy``, ``flow-logs``).
        authorizations: The authorization log of the local AWS.
        first_day: The day of the first scenario. Each later one has its own days.
    """

    def __init__(
        self, platform: Platform, roles: Mapping[str, str], authorizations: Path, *, first_day: dt.date
    ) -> None:
        self._platform = platform
        self._roles = roles
        self._authorizations = authorizations
        self._iam = platform.client("iam")
        self._next_day = first_day

    def run_all(self, progress: Callable[[str], None], names: Iterable[str] | None = None) -> list[ScenarioRecord]:
        """Run scenarios with all permissions until one fails, and return their records.

        Args:
            progress: Called with the name of each scenario.
            names: The scenarios to run; None means all.
        """
        records: list[ScenarioRecord] = []
        for name in SCENARIOS if names is None else names:
            progress(name)
            before = self._logged()
            steps = self._run(name)
            checks = list(read_log(self._authorizations))[before:]
            records.append(ScenarioRecord(name, steps, checks))
            if first_error(steps) is not None:
                break
        return records

    def documents(self, role: str) -> dict[str, dict[str, Any]]:
        """Return a role's policy documents by name."""
        name = self._roles[role]
        attached = self._iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
        if attached:
            raise ValueError(f"role {name} has managed policies, which are not checked: {attached}")
        found = {}
        for policy in self._iam.list_role_policies(RoleName=name)["PolicyNames"]:
            document = self._iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
            found[policy] = json.loads(unquote(document)) if isinstance(document, str) else document
        return found

    def needs(self, records: Sequence[ScenarioRecord], exceptions: Exceptions) -> list[Need]:
        """Return the need of every single permission."""
        return [
            self._need(documents, permission, records, exceptions.reason(role, permission))
            for role, name in self._roles.items()
            for documents in [self.documents(role)]
            for permission in permissions_of(name, documents)
        ]

    def removals(self, records: Sequence[ScenarioRecord], exceptions: Exceptions) -> list[Need]:
        """Return the permissions to remove, each action and each resource, with their expected failures."""
        return [
            self._need(documents, permission, records, exceptions.reason(role, permission))
            for role, name in self._roles.items()
            for documents in [self.documents(role)]
            for permission in removals_of(name, documents)
        ]

    def take_away(self, needs: Iterable[Need]) -> Iterator[Removal]:
        """Remove each permission, run the scenario that needs it, and restore the permission."""
        for need in needs:
            permission = need.permission
            if need.scenario is None:
                continue
            role = next(role for role, name in self._roles.items() if name == permission.role)
            documents = self.documents(role)
            before = self._logged()
            try:
                self._put(permission, without(documents, permission))
                red = first_error(self._run(need.scenario))
            finally:
                self._put(permission, documents)
            checks = list(read_log(self._authorizations))[before:]
            denied = any(_is_of(need, check) for check in checks if not check.allowed)
            yield Removal(need, red, denied)

    def _run(self, name: str) -> list[Step]:
        day, self._next_day = self._next_day, self._next_day + dt.timedelta(days=DAYS_APART)
        self._platform.renew_credentials()
        return SCENARIOS[name](self._platform, day)

    def _put(self, permission: Permission, documents: Mapping[str, Mapping[str, Any]]) -> None:
        document = documents[permission.policy]
        arguments = {"RoleName": permission.role, "PolicyName": permission.policy}
        if document["Statement"]:
            self._iam.put_role_policy(**arguments, PolicyDocument=json.dumps(document))
        else:  # a policy must have at least one statement
            self._iam.delete_role_policy(**arguments)

    def _logged(self) -> int:
        if not self._authorizations.exists():
            return 0
        with self._authorizations.open("rb") as file:
            return sum(1 for _ in file)

    @staticmethod
    def _need(
        documents: Documents, permission: Permission, records: Sequence[ScenarioRecord], reason: str | None
    ) -> Need:
        for record in records:
            check = first_denied(documents, permission, record.checks)
            if check is not None:
                return Need(permission, record.name, check, reason)
        return Need(permission, None, None, reason)


def _is_of(need: Need, check: RecordedCheck) -> bool:
    """Return whether a check is about the removed permission."""
    permission = need.permission
    return (
        check.role == permission.role
        and need.check is not None
        and (not permission.action or check.action == need.check.action)
        and (not permission.resource or like(permission.resource, check.resource))
    )
