"""Splits policies into single permissions, and finds the recorded calls of a role that need them.

A permission is one action on one resource in one statement, the smallest part that can be removed from a policy.
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
    """One permission of a statement in a role's policy.

    Attributes:
        role: The role's name.
        policy: The policy's name.
        sid: The statement's Sid.
        action: The action; "" means every action of the statement.
        resource: The resource as written in the policy; "" means every resource of the statement.
    """

    role: str
    policy: str
    sid: str
    action: str
    resource: str

    def __str__(self) -> str:
        """Return the statement, the action and the resource as text."""
        return f"{self.sid}: {self.action or 'every action'} on {self.resource or 'every resource'}"


class PolicyShapeError(ValueError):
    """A policy cannot be split into permissions; the message names the statement."""


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
    """Return the permissions to remove from a role: each action, and each resource if a statement has several."""
    found = []
    for policy, sid, statement in _statements(documents):
        found += [Permission(role, policy, sid, action, "") for action in _texts(statement["Action"])]
        resources = _texts(statement["Resource"])
        if len(resources) > 1:
            found += [Permission(role, policy, sid, "", resource) for resource in resources]
    return found


def without(documents: Documents, permission: Permission) -> dict[str, dict[str, Any]]:
    """Return a role's policy documents without one permission, and otherwise unchanged."""
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
    """Return the first recorded check of a role that would be denied without a permission; None if there is none.

    Args:
        documents: The role's policy documents, complete.
        permission: The permission to remove.
        checks: The checks of all roles, in order.
    """
    of_role = [check for check in checks if check.role == permission.role]
    left = {name: document for name, document in without(documents, permission).items() if document["Statement"]}
    return next(iter(denied_under(left, of_role)), None)


def _rests(statement: Mapping[str, Any], permission: Permission) -> list[dict[str, Any]]:
    """Return the rest of a statement: the statement itself, or up to two statements that allow the rest."""
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
                raise PolicyShapeError(f"policy {policy}: each statement needs a unique Sid, found {sid!r}")
            sids.add(sid)
            if statement["Effect"] != "Allow":
                continue
            if "Action" not in statement or "Resource" not in statement:
                raise PolicyShapeError(f"policy {policy}, {sid}: NotAction and NotResource cannot be split")
            found.append((policy, sid, statement))
    return found


def _texts(value: Any) -> Sequence[str]:
    return [str(each) for each in _listed(value)]


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]
