"""Checks that the permissions boundary of terraform/github/ allows each permission of the platform's roles.

A permission that the boundary lacks has no effect on AWS, which shows only when a task needs it. Here, each permission
is turned into a call that it allows, and the call is decided again under the boundary.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from dev.prove.forbidden import USERID, check
from dev.prove.github_roles import RolesError
from dev.prove.permissions import Documents, PolicyShapeError, permissions_of
from local_aws.iam.authorization_log import RecordedCheck, denied_under

_ANYTHING = "(anything)"
_NAMES_VALUES = {"StringEquals", "StringLike"}


def require_within(boundary: Documents, role: str, documents: Documents, tags: Mapping[str, str]) -> int:
    """Check that a boundary allows each permission of a role.

    Args:
        boundary: The boundary's document, by its name.
        role: The role's name, for messages.
        documents: The documents of the role's policies, by name.
        tags: The tags of the platform's resources.

    Returns:
        The number of calls that were decided.

    Raises:
        RolesError: The boundary denies a permission, or the role has none.
        PolicyShapeError: A policy has a statement or a condition that cannot be turned into a call.
    """
    calls = [call for statement in _statements(role, documents) for call in _calls(statement, tags)]
    if not calls:
        raise RolesError(f"{role} has no permissions, so nothing is proved")
    if wrong := denied_under(documents, calls):
        raise PolicyShapeError(
            f"{role}: {wrong[0].action} on {wrong[0].resource} is not the call that its policy allows"
        )
    if denied := denied_under(boundary, calls):
        named = dict.fromkeys(f"{call.action} on {call.resource}" for call in denied)
        raise RolesError(f"the boundary denies {role} what its policy allows: {'; '.join(named)}")
    return len(calls)


def _statements(role: str, documents: Documents) -> Iterator[Mapping[str, Any]]:
    permissions_of(role, documents)  # refuses statements that do not name actions and resources
    for document in documents.values():
        yield from (each for each in _listed(document["Statement"]) if each["Effect"] == "Allow")


def _calls(statement: Mapping[str, Any], tags: Mapping[str, str]) -> Iterator[RecordedCheck]:
    """Yield a call for each action, resource and combination of the condition's values."""
    known = {f"aws:ResourceTag/{key}": value for key, value in tags.items()}
    wanted: dict[str, list[str]] = {}
    for operator, keys in statement.get("Condition", {}).items():
        for key, values in keys.items():
            if operator in _NAMES_VALUES:
                wanted[key] = [_concrete(value) for value in _listed(values)]
            elif operator == "Null" and _listed(values) == ["false"]:
                wanted[key] = [_ANYTHING]
            else:
                raise PolicyShapeError(f"{statement['Sid']}: no call is known that fulfills {operator} {values}")
    for action, resource in itertools.product(_listed(statement["Action"]), _listed(statement["Resource"])):
        for values in itertools.product(*wanted.values()):
            yield check(action, _concrete(resource), **known, **dict(zip(wanted, values, strict=True)))


def _concrete(pattern: str) -> str:
    """Return a text that matches a pattern, and that no narrower pattern matches."""
    return pattern if pattern == "*" else pattern.replace("${aws:userid}", USERID).replace("*", _ANYTHING)


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]
