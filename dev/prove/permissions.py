"""Takes policies apart into single permissions, and says what a role's recorded calls need of them. Pure.

A permission is one action on one resource in one statement: as little as a policy can be made smaller by.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from local_aws.iam.authorization_log import RecordedCheck, denied_under

Documents = Mapping[str, Mapping[str, Any]]
"""A role's policy documents by name."""


@dataclasses.dataclass(frozen=True, order=True)
class Permission:
    """What one statement of a role's policy allows.

    Attributes:
        role: The role's name.
        policy: The policy's name.
        sid: The statement's Sid.
        action: The action; "" means every action of the statement.
        resource: The resource as the policy names it; "" means every resource of the statement.
    """

    role: str
    policy: str
    sid: str
    action: str
    resource: str

    def __str__(self) -> str:
        """What a person reads: the statement, and what of it is meant."""
        return f"{self.sid}: {self.action or 'every action'} on {self.resource or 'every resource'}"


class PolicyShapeError(ValueError):
    """A policy says what it allows in a way that cannot be taken apart; the message names the statement."""


def permissions_of(role: str, documents: Documents) -> list[Permission]:
    """Return every single permission of a role, in the order of its policies.

    Raises:
        PolicyShapeError: A statement does not name its actions and resources, or a Sid is missing or not unique.
    """
    return [
        Permission(role, policy, sid, action, resource)
        for policy, sid, statement in _statements(documents)
        for action in _texts(statement["Action"])
        for resource in _texts(statement["Resource"])
    ]


def removals_of(role: str, documents: Documents) -> list[Permission]:
    """Return what can be taken away from a role: each action of a statement, and each resource where it has several."""
    found = []
    for policy, sid, statement in _statements(documents):
        found += [Permission(role, policy, sid, action, "") for action in _texts(statement["Action"])]
        resources = _texts(statement["Resource"])
        if len(resources) > 1:
            found += [Permission(role, policy, sid, "", resource) for resource in resources]
    return found


def without(documents: Documents, permission: Permission) -> dict[str, dict[str, Any]]:
    """Return a role's policy documents with one permission taken away and everything else as it was."""
    left: dict[str, dict[str, Any]] = {}
    for name, document in documents.items():
        changed = copy.deepcopy(dict(document))
        if name == permission.policy:
            changed["Statement"] = [
                rest for statement in _listed(document["Statement"]) for rest in _rests(statement, permission)
            ]
        left[name] = changed
    return left


def first_denied(documents: Documents, permission: Permission, checks: Iterable[RecordedCheck]) -> RecordedCheck | None:
    """Return the first of a role's recorded checks that would be denied without a permission; None when none would.

    Args:
        documents: The role's policy documents, complete.
        permission: What would be taken away.
        checks: The checks of all roles, in their order.
    """
    of_role = [check for check in checks if check.role == permission.role]
    left = {name: document for name, document in without(documents, permission).items() if document["Statement"]}
    return next(iter(denied_under(left, of_role)), None)


def _rests(statement: Mapping[str, Any], permission: Permission) -> list[dict[str, Any]]:
    """Return what is left of a statement: itself, or up to two that together allow the rest."""
    if statement.get("Sid") != permission.sid:
        return [dict(statement)]
    actions, resources = _texts(statement["Action"]), _texts(statement["Resource"])
    taken = [action for action in actions if permission.action in ("", action)]
    kept = [action for action in actions if action not in taken]
    lost = [resource for resource in resources if permission.resource in ("", resource)]
    remaining = [resource for resource in resources if resource not in lost]
    rests = []
    if kept:
        rests.append({**statement, "Action": kept})
    if taken and remaining:
        rests.append({**statement, "Sid": f"{permission.sid}Rest", "Action": taken, "Resource": remaining})
    return rests


def _statements(documents: Documents) -> list[tuple[str, str, Mapping[str, Any]]]:
    found: list[tuple[str, str, Mapping[str, Any]]] = []
    for policy, document in documents.items():
        sids: set[str] = set()
        for statement in _listed(document["Statement"]):
            sid = str(statement.get("Sid") or "")
            if not sid or sid in sids:
                raise PolicyShapeError(f"policy {policy}: each statement needs a Sid of its own, found {sid!r}")
            sids.add(sid)
            if statement["Effect"] != "Allow":
                continue
            if "Action" not in statement or "Resource" not in statement:
                raise PolicyShapeError(f"policy {policy}, {sid}: NotAction and NotResource cannot be taken apart")
            found.append((policy, sid, statement))
    return found


def _texts(value: Any) -> Sequence[str]:
    return [str(each) for each in _listed(value)]


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]
