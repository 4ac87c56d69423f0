"""Writes one JSON line per check, with all the information that is needed to repeat it under other policies."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from local_aws.iam.actions import known_keys
from local_aws.iam.context import Context, Values
from local_aws.iam.policy import Caller, Decision, Finding, Kind, Policy, Verdict, combine, judge, read_policy


@dataclasses.dataclass(frozen=True)
class RecordedCheck:
    """One check and its decision.

    Attributes:
        time: The time of the call, ISO 8601 in UTC.
        request_id: The same for all checks of a call.
        service: The signing name of the service.
        operation: The name of the operation.
        principal: The caller's ARN. For a role's session, it is the session's ARN.
        role: The role's name; None if the caller is not a role.
        action: The action.
        resource: The resource's ARN, or ``*``.
        implied_by: What made the check necessary; None for the operation's own checks.
        keys: The condition keys and their values.
        allowed: The decision.
        reason: The reason for a refusal, in AWS's words; "" if it is allowed.
        policy: The policy that decided; None if none did.
        sid: The statement in it that decided.
        resource_policy: The result of the resource's own policy: ``allowed``, ``delegated``, ``denied``, ``unknown`` or
            ``silent``.
        resource_must_grant: Whether that policy must grant the permission, as with KMS keys and trust policies.
        limits_allow: Whether a session policy and a permissions boundary allow it.
    """

    time: str
    request_id: str
    service: str
    operation: str
    principal: str
    role: str | None
    action: str
    resource: str
    implied_by: str | None
    keys: Mapping[str, Values]
    allowed: bool
    reason: str
    policy: str | None
    sid: str | None
    resource_policy: str
    resource_must_grant: bool
    limits_allow: bool


class AuthorizationLog:
    """The only writer of the log.

    Args:
        path: The file; lines are appended.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", encoding="utf-8")
        self._lock = threading.Lock()

    def write(self, checks: Iterable[RecordedCheck]) -> None:
        """Write a line for each check. The lines are passed to the operating system before this returns."""
        lines = [json.dumps(_fields(check), ensure_ascii=False, separators=(",", ":")) + "\n" for check in checks]
        with self._lock:
            self._file.writelines(lines)
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._file.close()


def _fields(check: RecordedCheck) -> dict[str, Any]:
    return {field.name: getattr(check, field.name) for field in dataclasses.fields(check)}


def read_log(path: Path) -> Iterator[RecordedCheck]:
    """Yield the checks of a log, in their order."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            fields = json.loads(line)
            fields["keys"] = {key: tuple(values) for key, values in fields["keys"].items()}
            yield RecordedCheck(**fields)


def resource_outcome(verdict: Verdict) -> str:
    """Return the result of a resource's policy in one word (see RecordedCheck.resource_policy)."""
    if verdict.denied is not None:
        return "denied"
    if verdict.may_deny is not None:
        return "unknown"
    return "allowed" if verdict.allowed is not None else "delegated" if verdict.delegated is not None else "silent"


def denied_under(
    documents: Mapping[str, str | Mapping[str, Any]], checks: Iterable[RecordedCheck]
) -> list[RecordedCheck]:
    """Return the allowed checks that would be denied if a role had other policies.

    Args:
        documents: The documents of all identity-based policies that the role would have, by name.
        checks: The role's recorded checks.

    Returns:
        The checks, in their order.

    Raises:
        PolicyError: A document is not a valid policy.
    """
    policies = [read_policy(name, document) for name, document in documents.items()]
    return [check for check in checks if check.allowed and not _decided_again(policies, check).allowed]


def _decided_again(policies: Iterable[Policy], check: RecordedCheck) -> Decision:
    context = Context.of(check.keys, known_keys(check.action))
    account = check.keys.get("aws:PrincipalAccount", ("",))[0]
    identity = judge(policies, "identity", check.action, check.resource, context, Caller(account))
    trust: Kind = "trust" if check.action == "sts:AssumeRole" else "resource"
    finding = Finding("the resource's own policy", "recorded")
    resource = Verdict(
        denied=finding if check.resource_policy == "denied" else None,
        allowed=finding if check.resource_policy == "allowed" else None,
        delegated=finding if check.resource_policy == "delegated" else None,
        may_deny="the resource's own policy" if check.resource_policy == "unknown" else None,
    )
    limits = {} if check.limits_allow else {"session policy or permissions boundary": Verdict()}
    return combine(
        check.action,
        identity=identity,
        resource=resource,
        resource_kind=trust,
        must_be_granted_by_resource=check.resource_must_grant,
        limits=limits,
    )
