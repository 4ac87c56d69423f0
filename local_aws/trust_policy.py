"""Reads a role's trust policy as far as AWS's own services need it: may this service assume the role?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda pattern, value: pattern == value,
    "StringLike": lambda pattern, value: fnmatchcase(value, pattern),
    "ArnEquals": lambda pattern, value: fnmatchcase(value, pattern),
    "ArnLike": lambda pattern, value: fnmatchcase(value, pattern),
}


class ConditionNotEvaluatedError(Exception):
    """A statement has a condition that is not known here; the message names it."""


def lets_assume(policy: Mapping[str, Any], services: Iterable[str], context: Mapping[str, Iterable[str]]) -> bool:
    """Tell whether a trust policy lets a service assume its role.

    Args:
        policy: The AssumeRolePolicyDocument.
        services: The principals that the service may come as, for example ``redshift.amazonaws.com``.
        context: The values that each condition key has, for example those of ``aws:SourceAccount``.

    Returns:
        Whether a statement allows it and none denies it.

    Raises:
        ConditionNotEvaluatedError: It depends on a condition that cannot be evaluated.
    """
    effects = {
        statement.get("Effect")
        for statement in _listed(policy.get("Statement"))
        if _speaks_of(statement, set(services)) and _holds(statement.get("Condition") or {}, context)
    }
    return "Allow" in effects and "Deny" not in effects


def _speaks_of(statement: Mapping[str, Any], services: set[str]) -> bool:
    for member in ("NotPrincipal", "NotAction"):
        if member in statement:
            raise ConditionNotEvaluatedError(member)
    principal = statement.get("Principal")
    named = set(_listed(principal.get("Service"))) if isinstance(principal, Mapping) else set()
    actions = [action.lower() for action in _listed(statement.get("Action"))]
    # "*" as the principal is every account, which a service is not; a Deny of everybody is meant for services too.
    everybody = principal == "*" and statement.get("Effect") == "Deny"
    return (everybody or bool(named & services)) and any(fnmatchcase("sts:assumerole", action) for action in actions)


def _holds(conditions: Mapping[str, Mapping[str, Any]], context: Mapping[str, Iterable[str]]) -> bool:
    known = {key.lower(): list(values) for key, values in context.items()}
    for operator, wanted in conditions.items():
        for key, patterns in wanted.items():
            if operator not in _OPERATORS or key.lower() not in known:
                raise ConditionNotEvaluatedError(f"{operator} {key}")
            fits = _OPERATORS[operator]
            if not any(fits(pattern, value) for pattern in _listed(patterns) for value in known[key.lower()]):
                return False
    return True


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [] if value is None else [value]
