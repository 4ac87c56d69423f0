"""Evaluates policies for a request, as IAM does within one account.

The elements: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
How policies are combined: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from local_aws.iam.conditions import NotEvaluatedError, holds, listed
from local_aws.iam.context import Context, UnknownKeyError
from local_aws.iam.patterns import AbsentVariableError, arn_matches, like

_ELEMENTS = frozenset(
    {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal", "Condition"}
)
_VERSIONS = ("2012-10-17", "2008-10-17")


class PolicyError(ValueError):
    """A document is not a valid policy. The message contains the reason."""


@dataclasses.dataclass(frozen=True)
class Statement:
    """One statement of a policy. Missing elements are None.

    Attributes:
        sid: Its Sid. If the first statement has none, it is ``#1``, and so on.
        allows: Whether its effect is Allow.
    """

    sid: str
    allows: bool
    actions: tuple[str, ...] | None
    not_actions: tuple[str, ...] | None
    resources: tuple[str, ...] | None
    not_resources: tuple[str, ...] | None
    principal: Any
    not_principal: Any
    condition: Mapping[str, Mapping[str, Any]]


@dataclasses.dataclass(frozen=True)
class Policy:
    """A parsed policy document.

    Attributes:
        name: The policy's display name.
        variables: Whether its version has policy variables.
        statements: Its statements.
    """

    name: str
    variables: bool
    statements: tuple[Statement, ...]


@dataclasses.dataclass(frozen=True)
class Caller:
    """The caller, in the forms that the Principal element of a policy can name.

    Attributes:
        account_id: Its account.
        arns: The ARNs that refer to it. For a role's session, these are the role's and the session's.
        services: Its names if it is an AWS service, for example ``glue.amazonaws.com``.
    """

    account_id: str
    arns: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()

    @property
    def account_names(self) -> frozenset[str]:
        """The forms that a Principal element may use for the whole account."""
        return frozenset({self.account_id, f"arn:aws:iam::{self.account_id}:root"})


@dataclasses.dataclass(frozen=True)
class Finding:
    """The statement that determined the result."""

    policy: str
    sid: str


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The result of evaluating a set of policies.

    Attributes:
        denied: The statement that denies the request.
        allowed: The statement that allows it.
        delegated: For resource policies, the statement that allows the request for the whole account, which leaves the
            decision to the policies of the account's identities.
        may_deny: The part of a denying statement that could not be evaluated.
        may_allow: The part of an allowing statement that could not be evaluated.
    """

    denied: Finding | None = None
    allowed: Finding | None = None
    delegated: Finding | None = None
    may_deny: str | None = None
    may_allow: str | None = None


Kind = Literal["identity", "resource", "trust"]
NOTHING = Verdict()


def read_policy(name: str, document: str | Mapping[str, Any]) -> Policy:
    """Parse a policy document.

    Args:
        name: The policy's display name.
        document: The document, as JSON text or as parsed JSON.

    Raises:
        PolicyError: The document is not a valid policy.
    """
    return _read(name, document if isinstance(document, str) else json.dumps(document))


@functools.lru_cache(maxsize=1024)
def _read(name: str, text: str) -> Policy:
    try:
        document = json.loads(text)
    except ValueError:
        raise PolicyError(f"policy {name} is not JSON") from None
    if not isinstance(document, dict) or "Statement" not in document:
        raise PolicyError(f"policy {name} has no Statement")
    version = document.get("Version", _VERSIONS[1])
    if version not in _VERSIONS:
        raise PolicyError(f"policy {name} has the unknown Version {version}")
    statements = [_statement(name, number, s) for number, s in enumerate(listed(document["Statement"]), start=1)]
    return Policy(name, version == _VERSIONS[0], tuple(statements))


def _statement(policy: str, number: int, statement: Mapping[str, Any]) -> Statement:
    sid = str(statement.get("Sid") or f"#{number}")
    place = f"statement {sid} of policy {policy}"
    if unknown := sorted(set(statement) - _ELEMENTS):
        raise PolicyError(f"{place} has the unknown element {unknown[0]}")
    if statement.get("Effect") not in ("Allow", "Deny"):
        raise PolicyError(f"{place} needs the Effect Allow or Deny")
    if ("Action" in statement) == ("NotAction" in statement):
        raise PolicyError(f"{place} needs either Action or NotAction")

    def texts(element: str) -> tuple[str, ...] | None:
        return tuple(map(str, listed(statement[element]))) if element in statement else None

    return Statement(
        sid=sid,
        allows=statement["Effect"] == "Allow",
        actions=texts("Action"),
        not_actions=texts("NotAction"),
        resources=texts("Resource"),
        not_resources=texts("NotResource"),
        principal=statement.get("Principal"),
        not_principal=statement.get("NotPrincipal"),
        condition=statement.get("Condition") or {},
    )


def judge(
    policies: Iterable[Policy], kind: Kind, action: str, resource: str, context: Context, caller: Caller
) -> Verdict:
    """Evaluate policies of one kind for one action on one resource.

    Args:
        policies: The policies.
        kind: ``identity`` for policies of a role, a user or a session, ``resource`` for policies of a resource,
            ``trust`` for the policy that defines who may assume a role.
        action: The action, for example ``s3:GetObject``.
        resource: The resource's ARN, or ``*``.
        context: The request's condition keys.
        caller: The caller.
    """
    found = dict[str, Finding]()
    problems = dict[str, str]()
    for policy in policies:
        for statement in policy.statements:
            try:
                how = _applies(policy, statement, kind, action, resource, context, caller)
            except NotEvaluatedError as error:
                effect = "may_allow" if statement.allows else "may_deny"
                problems.setdefault(effect, f"{error} in statement {statement.sid} of policy {policy.name}")
                continue
            if how is not None:
                found.setdefault(how if statement.allows else "denied", Finding(policy.name, statement.sid))
    return Verdict(**found, **problems)  # type: ignore[arg-type]


def _applies(
    policy: Policy, statement: Statement, kind: Kind, action: str, resource: str, context: Context, caller: Caller
) -> Literal["allowed", "delegated"] | None:
    if not _names_action(statement, action):
        return None
    how: Literal["allowed", "delegated"] | None = "allowed"
    if kind != "identity":
        how = _names_caller(statement, caller)
    if how is None:
        return None
    if kind != "trust" and not _names_resource(
        statement, resource, context if policy.variables else None, complete=kind == "identity"
    ):
        return None
    return how if holds(statement.condition, context, variables=policy.variables) else None


def _names_action(statement: Statement, action: str) -> bool:
    if statement.actions is not None:
        return any(like(pattern, action, ignore_case=True) for pattern in statement.actions)
    return not any(like(pattern, action, ignore_case=True) for pattern in statement.not_actions or ())


def _names_resource(statement: Statement, resource: str, context: Context | None, *, complete: bool) -> bool:
    if statement.resources is not None:
        return _matches_one(statement.resources, resource, context, complete)
    if statement.not_resources is not None:
        return not _matches_one(statement.not_resources, resource, context, complete)
    return False


def _matches_one(patterns: Sequence[str], resource: str, context: Context | None, complete: bool) -> bool:
    problem: UnknownKeyError | None = None
    for pattern in patterns:
        try:
            if arn_matches(pattern, resource, context, complete=complete):
                return True
        except AbsentVariableError:
            continue
        except UnknownKeyError as error:
            problem = error
    if problem is not None:
        raise NotEvaluatedError(f"the policy variable {problem}")
    return False


def _names_caller(statement: Statement, caller: Caller) -> Literal["allowed", "delegated"] | None:
    if statement.not_principal is not None:
        # An identity is excluded only if its account is named, too, and a session only if its role is named, too:
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
        named = set(_principals(statement.not_principal, "AWS", statement))
        services = set(_principals(statement.not_principal, "Service", statement))
        out = bool(caller.services & services) or bool(
            caller.arns and named & caller.account_names and caller.arns - caller.account_names <= named
        )
        return None if out or "*" in named else "allowed"
    if statement.principal == "*":
        # "*" stands for every account, and a service is not an account. In a Deny, "*" includes services.
        return "allowed" if caller.arns or not statement.allows else None
    named = set(_principals(statement.principal, "AWS", statement))
    if caller.services & set(_principals(statement.principal, "Service", statement)):
        return "allowed"
    if caller.arns & named or ("*" in named and (caller.arns or not statement.allows)):
        return "allowed"
    return "delegated" if caller.arns and named & caller.account_names else None


def _principals(element: Any, kind: str, statement: Statement) -> list[str]:
    if element == "*":
        return ["*"] if kind == "AWS" else []
    if not isinstance(element, Mapping):
        return []
    if "CanonicalUser" in element:
        raise NotEvaluatedError(f"a CanonicalUser in the principal of statement {statement.sid}")
    return [str(name) for name in listed(element.get(kind))]


# ---------------------------------------------------------------------------------------------------- combination


@dataclasses.dataclass(frozen=True)
class Decision:
    """The result of a check.

    Attributes:
        allowed: Whether the call may continue.
        reason: The end of AWS's message if the check is denied, otherwise "".
        found: The statement that decided; None if none did.
        kind: The kind of the policy that decided.
    """

    allowed: bool
    reason: str
    found: Finding | None
    kind: str


def combine(
    action: str,
    *,
    identity: Verdict,
    resource: Verdict = NOTHING,
    resource_kind: Kind = "resource",
    must_be_granted_by_resource: bool = False,
    limits: Mapping[str, Verdict] | None = None,
) -> Decision:
    """Combine the results of all kinds of policies into a decision.

    An explicit deny wins. Otherwise the identity's policies or the resource's policy must allow the request. For a KMS
    key and a role's trust, the resource's own policy must always grant it, to the caller or to its account. The limits
    of a session or a role must allow the request, too.

    Args:
        action: The action, for the reason.
        identity: The result of the caller's own policies.
        resource: The result of the resource's policy.
        resource_kind: ``trust`` if that is a role's trust policy.
        must_be_granted_by_resource: Whether the resource's policy must grant the request.
        limits: The results of a ``session policy`` and a ``permissions boundary``, by these names.
    """
    limits = limits or {}
    deny_words = "the role trust policy" if resource_kind == "trust" else "a resource-based policy"
    sides = [("an identity-based policy", "identity", identity), (deny_words, "resource", resource)]
    sides += [(f"a {name}", name, verdict) for name, verdict in limits.items()]
    for words, kind, verdict in sides:
        if verdict.denied is not None:
            return Decision(False, f"with an explicit deny in {words}", verdict.denied, kind)
    for _, _, verdict in sides:
        if verdict.may_deny is not None:
            return Decision(False, _not_evaluated(verdict.may_deny), None, "not evaluated")
    by_identity = identity.allowed
    if must_be_granted_by_resource and not resource.delegated:
        by_identity = None
    granted = resource.allowed or by_identity
    if granted is None:
        for verdict in (identity, resource):
            if verdict.may_allow is not None:
                return Decision(False, _not_evaluated(verdict.may_allow), None, "not evaluated")
        silent = "identity-based policy"
        if must_be_granted_by_resource and not resource.delegated:
            silent = "role trust policy" if resource_kind == "trust" else "resource-based policy"
        return Decision(False, f"because no {silent} allows the {action} action", None, "none")
    for name, verdict in limits.items():
        if verdict.allowed is None and verdict.may_allow is not None:
            return Decision(False, _not_evaluated(verdict.may_allow), None, "not evaluated")
        if verdict.allowed is None:
            return Decision(False, f"because no {name} allows the {action} action", None, name)
    return Decision(True, "", granted, "resource" if resource.allowed else "identity")


def _not_evaluated(problem: str) -> str:
    return f"because the local AWS cannot evaluate {problem}"


def of_account(account_id: str) -> Policy:
    """Return the policy of the account's root user, which allows everything."""
    statement = Statement("#1", True, ("*",), None, ("*",), None, None, None, {})
    return Policy(f"the root user of {account_id}", True, (statement,))
