"""Admits or refuses calls as IAM would, and records every check."""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
import secrets
from collections.abc import Callable, Iterable, Mapping

from local_aws.iam.account import Account
from local_aws.iam.actions import checks_of, known_keys
from local_aws.iam.authorization_log import AuthorizationLog, RecordedCheck, resource_outcome
from local_aws.iam.checks import Check, read_call
from local_aws.iam.context import Context, Values
from local_aws.iam.identity import CredentialsError, Principal
from local_aws.iam.policy import NOTHING, Decision, Kind, Policy, PolicyError, Verdict, combine, judge
from local_aws.iam.refusals import denial, refused_credentials
from local_aws.protocol.errors import AwsError
from local_aws.protocol.http_request import HttpRequest
from local_aws.protocol.signature import RequestContext

logger = logging.getLogger(__name__)

# Set by our own services on requests that they send for a caller (forward access sessions):
# https://docs.aws.amazon.com/IAM/latest/UserGuide/access_forward_access_sessions.html
CALLED_VIA_HEADER = "x-local-aws-called-via"
# Parameters of AssumeRole that moto would ignore.
_NOT_SUPPORTED = ("PolicyArns", "Tags", "TransitiveTagKeys", "SourceIdentity", "ProvidedContexts", "SerialNumber")


@dataclasses.dataclass(frozen=True)
class Admitted:
    """A call that may continue.

    Attributes:
        refused_items: For a call with many items (DeleteObjects), the refused items' positions and errors.
    """

    refused_items: Mapping[int, AwsError]


@dataclasses.dataclass(frozen=True)
class _Judged:
    """A decision, and the details that are needed to repeat it under other policies."""

    decision: Decision
    resource: Verdict = NOTHING
    must_grant: bool = False
    limits_allow: bool = True


class Guard:
    """Decides whether calls are allowed.

    Args:
        account: Facts about the account's resources.
        log: The log for every check.
        source_arns: Takes a service's name and returns its source ARNs when it assumes roles; empty if they
            are unknown.
        now: Returns the current time, with a time zone.
    """

    def __init__(
        self,
        account: Account,
        log: AuthorizationLog,
        *,
        source_arns: Callable[[str], Iterable[str]] = lambda _service: (),
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        self._account = account
        self._log = log
        self._source_arns = source_arns
        self._now = now

    def admit(self, service: str, operation: str, context: RequestContext, request: HttpRequest) -> Admitted:
        """Admit a call or refuse it.

        Args:
            service: The signing name of the service.
            operation: The operation's name.
            context: The caller's credentials and region.
            request: The request.

        Returns:
            The refused items of a call that may continue.

        Raises:
            AwsError: The credentials are not valid, or a check is denied.
        """
        try:
            principal = self._account.principal(context, self._now)
        except CredentialsError as error:
            logger.info("%s %s refused: %s", service, operation, error)
            raise refused_credentials(service, error) from None
        except PolicyError as error:
            raise denial(
                service, context.access_key_id, Check(f"{service}:{operation}", "*"), f"because {error}"
            ) from None
        call = read_call(
            service,
            operation,
            region=context.region,
            account_id=context.account_id,
            userid=principal.userid,
            request=request,
        )
        if (service, operation) == ("sts", "AssumeRole"):
            _refuse_unsupported_parameters(call.params)
        now = self._now()
        time = now.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        keys = _request_keys(context, call.headers, now) | dict(principal.keys)
        request_id = secrets.token_hex(8)
        recorded: list[RecordedCheck] = []
        refused: dict[int, AwsError] = {}
        try:
            for number, check in enumerate(checks_of(call, self._account)):
                merged = self._keys_of(principal, check, keys)
                judged = self._decide(principal, check, merged)
                decision = judged.decision
                recorded.append(
                    RecordedCheck(
                        time=time,
                        request_id=request_id,
                        service=service,
                        operation=operation,
                        principal=principal.arn,
                        role=principal.name if principal.kind == "role" else None,
                        action=check.action,
                        resource=check.resource,
                        implied_by=check.implied_by,
                        keys=merged,
                        allowed=decision.allowed,
                        reason=decision.reason,
                        policy=None if decision.found is None else decision.found.policy,
                        sid=None if decision.found is None else decision.found.sid,
                        resource_policy=resource_outcome(judged.resource),
                        resource_must_grant=judged.must_grant,
                        limits_allow=judged.limits_allow,
                    )
                )
                if not decision.allowed:
                    refusal = denial(service, principal.arn, check, decision.reason)
                    if not check.skip_on_refusal:
                        raise refusal
                    refused[number] = refusal
        finally:
            self._log.write(recorded)
        return Admitted(refused)

    def _keys_of(self, principal: Principal, check: Check, keys: Mapping[str, Values]) -> dict[str, Values]:
        merged = {**keys, **check.keys}
        if "kms:ViaService" in check.keys:  # the service calls KMS for the caller
            merged["aws:ViaAWSService"] = ("true",)
            merged["aws:CalledVia"] = (*merged.get("aws:CalledVia", ()), _called_via(check.keys["kms:ViaService"][0]))
        if principal.kind == "service" and check.action == "sts:AssumeRole":
            sources = tuple(self._source_arns(principal.name))
            merged |= {"aws:SourceArn": sources} if sources else {}
        return merged

    def _decide(self, principal: Principal, check: Check, keys: Mapping[str, Values]) -> _Judged:
        trust = check.action == "sts:AssumeRole"
        if principal.kind == "service" and not trust:
            return _Judged(Decision(True, "", None, "service"))  # the calls of a service itself are not checked
        context = Context.of(keys, known_keys(check.action))
        for key in principal.unknown_keys - keys.keys():
            context = context.without(key)
        subject = (check.action, check.resource, context, principal.caller)
        identity = judge(principal.policies, "identity", *subject)
        limits = {name: judge(policies, "identity", *subject) for name, policies in principal.limits.items()}
        kind: Kind = "trust" if trust else "resource"
        try:
            policy = self._resource_policy(check)
            resource = NOTHING if policy is None else judge([policy], kind, *subject)
        except PolicyError as error:
            resource = Verdict(may_deny=str(error))
        # The root user has full access here, even where the resource's policy would have to grant it.
        must_grant = principal.kind != "root" and (trust or _is_key(check.resource))
        decision = combine(
            check.action,
            identity=identity,
            resource=resource,
            resource_kind=kind,
            must_be_granted_by_resource=must_grant,
            limits=limits,
        )
        return _Judged(decision, resource, must_grant, all(verdict.allowed for verdict in limits.values()))

    def _resource_policy(self, check: Check) -> Policy | None:
        if check.resource.startswith("arn:aws:iam:") and check.action != "sts:AssumeRole":
            return None  # a trust policy applies only to assuming the role
        return self._account.resource_policy(check.resource)


def _is_key(resource: str) -> bool:
    return resource.startswith("arn:aws:kms:") and ":key/" in resource


def _request_keys(context: RequestContext, headers: Mapping[str, str], now: dt.datetime) -> dict[str, Values]:
    keys: dict[str, Values] = {
        "aws:CurrentTime": (now.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),),
        "aws:EpochTime": (str(int(now.timestamp())),),
        "aws:RequestedRegion": (context.region,),
        "aws:ResourceAccount": (context.account_id,),
        # Loopback needs no TLS. It counts as TLS so that policies that require TLS apply as on AWS, where clients use
        # it.
        "aws:SecureTransport": ("true",),
        "aws:SourceIp": ("127.0.0.1",),
        "aws:UserAgent": (headers.get("user-agent", ""),),
        "aws:ViaAWSService": ("false",),
    }
    via = headers.get(CALLED_VIA_HEADER)
    if via:
        keys |= {
            "aws:ViaAWSService": ("true",),
            "aws:CalledVia": (via,),
            "aws:CalledViaFirst": (via,),
            "aws:CalledViaLast": (via,),
        }
    return keys


def _called_via(via_service: str) -> str:
    """Return a service's principal for a value of kms:ViaService, which includes the region."""
    return f"{via_service.split('.', 1)[0]}.amazonaws.com"


def _refuse_unsupported_parameters(params: Mapping[str, object]) -> None:
    for name in _NOT_SUPPORTED:
        if any(param == name or param.startswith(f"{name}.") for param in params):
            raise AwsError(
                "NotImplemented",
                f"{name} in AssumeRole is not supported by the local STS while IAM is enforced: remove it from the "
                "request.",
                501,
            )
