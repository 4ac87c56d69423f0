"""Identifies the caller: finds the principal and its policies for a request's access key in moto's IAM and STS.

- ``local-aws`` is the account's root user and represents its administrator.
- A service's name (``glue.amazonaws.com``) as the access key is that service. The emulator uses it for the calls that a
  service makes itself, above all to assume roles.
- A key from STS belongs to a role's session, and a key from CreateAccessKey to a user.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from local_aws.iam.context import Values
from local_aws.iam.policy import Caller, Policy, of_account, read_policy
from local_aws.protocol.account import ACCOUNT_ID, ROOT_ACCESS_KEY
from local_aws.protocol.signature import RequestContext

_SERVICE = re.compile(r"[a-z0-9-]+\.amazonaws\.com")
# A trust policy may use either name for this service.
_REDSHIFT = frozenset({"redshift.amazonaws.com", "redshift-serverless.amazonaws.com"})


class CredentialsError(Exception):
    """AWS would not accept the credentials.

    Attributes:
        expired: Whether they were valid and have expired.
    """

    def __init__(self, reason: str, *, expired: bool = False) -> None:
        super().__init__(reason)
        self.expired = expired


@dataclasses.dataclass(frozen=True)
class Principal:
    """The caller of an operation.

    Attributes:
        kind: The kind of principal.
        name: The name of the role or the user, or of the service.
        arn: The caller's ARN. For a role's session it is the session's ARN, for a service its name.
        userid: Its aws:userid.
        caller: The names that policies use for it.
        policies: Its identity-based policies.
        limits: The policies that must also allow each call, by ``session policy`` and ``permissions boundary``.
        keys: The condition keys that describe it.
        unknown_keys: The condition keys that a service sends with a value that is unknown here.
    """

    kind: Literal["root", "service", "role", "user"]
    name: str
    arn: str
    userid: str
    caller: Caller
    policies: tuple[Policy, ...] = ()
    limits: Mapping[str, tuple[Policy, ...]] = dataclasses.field(default_factory=dict)
    keys: Mapping[str, Values] = dataclasses.field(default_factory=dict)
    unknown_keys: frozenset[str] = frozenset()


def _utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def identify(context: RequestContext, now: Callable[[], dt.datetime] = _utc_now) -> Principal:
    """Return the principal behind a request's credentials.

    Args:
        context: The request's access key and session token.
        now: Returns the current time, with a time zone.

    Raises:
        CredentialsError: The access key is unknown, the token is not the session's, or the session has expired.
        PolicyError: One of its policies is not valid.
    """
    key = context.access_key_id
    if key == ROOT_ACCESS_KEY:
        return _root()
    if _SERVICE.fullmatch(key):
        return _service(key)
    session = _session(key)
    if session is not None:
        if context.session_token != session.session_token:
            raise CredentialsError("the session token does not belong to the access key")
        if now().replace(tzinfo=None) >= session.expiration:
            raise CredentialsError(f"the session of {session.role_arn} has expired", expired=True)
        return _role_session(session)
    user = _user_of(key)
    if user is None or context.session_token:
        raise CredentialsError("the access key does not exist in this account")
    return _user(user)


def _root() -> Principal:
    arn = f"arn:aws:iam::{ACCOUNT_ID}:root"
    keys: dict[str, Values] = {
        "aws:PrincipalType": ("Account",),
        "aws:PrincipalArn": (arn,),
        "aws:userid": (ACCOUNT_ID,),
    }
    caller = Caller(ACCOUNT_ID, frozenset({arn, ACCOUNT_ID}))
    return Principal("root", "root", arn, ACCOUNT_ID, caller, (of_account(ACCOUNT_ID),), {}, _common(keys))


def _service(name: str) -> Principal:
    keys: dict[str, Values] = {"aws:PrincipalIsAWSService": ("true",), "aws:PrincipalServiceName": (name,)}
    if name in _REDSHIFT:
        # It names the database user in sts:ExternalId. AWS documents neither aws:SourceAccount nor aws:SourceArn:
        # https://docs.aws.amazon.com/redshift/latest/mgmt/authorizing-redshift-service-database-users.html
        return Principal("service", name, name, name, Caller(ACCOUNT_ID, services=_REDSHIFT), keys=keys)
    keys["aws:SourceAccount"] = (ACCOUNT_ID,)
    caller = Caller(ACCOUNT_ID, services=frozenset({name}))
    return Principal("service", name, name, name, caller, keys=keys, unknown_keys=frozenset({"aws:SourceArn"}))


def _role_session(session: Any) -> Principal:
    from moto.iam.exceptions import NotFoundException

    backend = _iam()
    try:
        role = backend.get_role_by_arn(session.role_arn)
    except NotFoundException:
        raise CredentialsError(f"the role {session.role_arn} no longer exists") from None
    userid = f"{role.id}:{session.session_name}"
    tags = {f"aws:PrincipalTag/{tag['Key']}": (str(tag["Value"]),) for tag in role.tags or ()}
    keys: dict[str, Values] = {
        "aws:PrincipalType": ("AssumedRole",),
        "aws:PrincipalArn": (role.arn,),
        "aws:userid": (userid,),
        "aws:MultiFactorAuthPresent": ("false",),
        **tags,
    }
    limits: dict[str, tuple[Policy, ...]] = {}
    if session.policy:
        limits["session policy"] = (read_policy(f"session policy of {session.session_name}", session.policy),)
    limits |= _boundary(role)
    return Principal(
        kind="role",
        name=role.name,
        arn=session.arn,
        userid=userid,
        caller=Caller(ACCOUNT_ID, frozenset({session.arn, role.arn})),
        policies=_policies(role),
        limits=limits,
        keys=_common(keys),
    )


def _user(user: Any) -> Principal:
    backend = _iam()
    tags = {f"aws:PrincipalTag/{t['Key']}": (str(t["Value"]),) for t in backend.list_user_tags(user.name)}
    keys: dict[str, Values] = {
        "aws:PrincipalType": ("User",),
        "aws:PrincipalArn": (user.arn,),
        "aws:userid": (user.id,),
        "aws:username": (user.name,),
        **tags,
    }
    groups = [group for group in list(backend.groups.values()) if user in group.users]
    return Principal(
        kind="user",
        name=user.name,
        arn=user.arn,
        userid=user.id,
        caller=Caller(ACCOUNT_ID, frozenset({user.arn})),
        policies=(*_policies(user), *(policy for group in groups for policy in _policies(group))),
        limits=_boundary(user),
        keys=_common(keys),
    )


def _common(keys: Mapping[str, Values]) -> dict[str, Values]:
    return {"aws:PrincipalAccount": (ACCOUNT_ID,), "aws:PrincipalIsAWSService": ("false",), **keys}


def _policies(holder: Any) -> tuple[Policy, ...]:
    inline = [read_policy(name, _text(document)) for name, document in list(holder.policies.items())]
    return (*inline, *map(_managed, list(holder.managed_policies.values())))


def _boundary(holder: Any) -> dict[str, tuple[Policy, ...]]:
    arn = getattr(holder, "permissions_boundary_arn", None)
    return {"permissions boundary": (_managed(_iam().managed_policies[arn]),)} if arn else {}


def _managed(policy: Any) -> Policy:
    versions: Iterable[Any] = policy.versions
    default = next(version for version in versions if version.version_id == policy.default_version_id)
    return read_policy(policy.name, _text(default.document))


def _text(document: Any) -> str:
    return document if isinstance(document, str) else json.dumps(document)


def _session(access_key_id: str) -> Any:
    from moto.sts.models import sts_backends

    # The newest sessions are used most often.
    sessions = reversed(list(sts_backends[ACCOUNT_ID]["aws"].assumed_roles))
    return next((session for session in sessions if session.access_key_id == access_key_id), None)


def _user_of(access_key_id: str) -> Any:
    for user in list(_iam().users.values()):
        for key in user.access_keys:
            if key.access_key_id == access_key_id and key.status == "Active":
                return user
    return None


def _iam() -> Any:
    from moto.iam.models import iam_backends

    return iam_backends[ACCOUNT_ID]["aws"]
