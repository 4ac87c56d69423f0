"""Decides whether a role's trust policy lets an AWS service assume the role."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from local_aws.iam.actions import known_keys
from local_aws.iam.context import Context
from local_aws.iam.policy import Caller, PolicyError, judge, read_policy
from local_aws.protocol.account import ACCOUNT_ID

ASSUME_ROLE = "sts:AssumeRole"


class TrustNotEvaluatedError(Exception):
    """The result depends on a condition that cannot be evaluated. The message names it."""


def lets_assume(
    policy: Mapping[str, Any],
    services: Iterable[str],
    context: Mapping[str, Iterable[str]],
    unknown: Collection[str] = (),
) -> bool:
    """Return whether a trust policy lets a service assume its role.

    Args:
        policy: The AssumeRolePolicyDocument.
        services: The principal names that the service may use, for example ``redshift.amazonaws.com``.
        context: The values of the condition keys that the service sends.
        unknown: The condition keys that the service sends with a value that is unknown here.

    Returns:
        Whether a statement allows it and none denies it.

    Raises:
        TrustNotEvaluatedError: The result depends on a condition that cannot be evaluated.
    """
    keys = Context.of({key: tuple(values) for key, values in context.items()}, known_keys(ASSUME_ROLE))
    for key in unknown:
        keys = keys.without(key)
    caller = Caller(ACCOUNT_ID, services=frozenset(services))
    try:
        verdict = judge([read_policy("trust", policy)], "trust", ASSUME_ROLE, "*", keys, caller)
    except PolicyError as error:
        raise TrustNotEvaluatedError(str(error)) from None
    if verdict.denied is not None:
        return False
    if verdict.may_deny is not None:
        raise TrustNotEvaluatedError(verdict.may_deny)
    if verdict.allowed is None and verdict.may_allow is not None:
        raise TrustNotEvaluatedError(verdict.may_allow)
    return verdict.allowed is not None
