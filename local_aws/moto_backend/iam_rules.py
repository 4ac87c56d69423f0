"""Adds rules of IAM and STS that moto lacks: users' permissions boundaries, errors, sessions, the caller's identity.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_Operations.html
https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from local_aws.protocol.account import ACCOUNT_ID
from local_aws.protocol.errors import AwsError

_SHORTEST_SESSION = 900  # seconds
_SHORTEST_ACCESS_KEY = 16  # characters
_PRINCIPALS = frozenset({"Principal", "NotPrincipal"})


def add_iam_rules() -> None:
    """Add the rules to moto's IAM. Repeated calls have no effect."""
    from moto.iam.models import IAMBackend, User
    from moto.iam.responses import IamResponse

    backend: Any = IAMBackend
    if hasattr(backend, "put_user_permissions_boundary"):
        return
    user: Any = User
    user.permissions_boundary = property(_boundary_of)
    _add_boundaries(backend, IamResponse)
    _check_policies(IamResponse)
    _refuse_deletions(backend)
    _refuse_get_user_without_user(IamResponse)


def add_sts_rules() -> None:
    """Add the rules to moto's STS. Repeated calls have no effect.

    The administrator is the account's root user. moto invents a user for it. The ARN and the user id are those that
    policies see (``local_aws.iam.identity``). Only a role that exists can be assumed, for 15 minutes or more, and for
    as long as it allows.
    """
    from moto.iam.models import iam_backends
    from moto.sts.exceptions import STSValidationError
    from moto.sts.models import STSBackend

    backend: Any = STSBackend
    if hasattr(backend, "get_caller_identity_of_any_key"):
        return
    identity_of = backend.get_caller_identity_of_any_key = backend.get_caller_identity

    def get_caller_identity(self: Any, access_key_id: str, region: str) -> tuple[str, str, str]:
        known = self.get_assumed_role_from_access_key(access_key_id) or iam_backends[self.account_id][
            self.partition
        ].get_user_from_access_key_id(access_key_id)
        if known:
            found: tuple[str, str, str] = identity_of(self, access_key_id, region)
            return found
        return ACCOUNT_ID, f"arn:aws:iam::{ACCOUNT_ID}:root", ACCOUNT_ID

    assume_role = backend.assume_role

    def assume_existing_role(
        self: Any, region_name: str, role_session_name: str, role_arn: str, policy: str, duration: int, **more: Any
    ) -> Any:
        roles: Iterable[Any] = iam_backends[self.account_id][self.partition].roles.values()
        role = next((role for role in roles if role.arn == role_arn), None)
        if role is None:
            raise AwsError("AccessDenied", f"No role has the ARN {role_arn}, so it cannot be assumed.", 403)
        if duration < _SHORTEST_SESSION:
            raise STSValidationError(
                f"1 validation error detected: Value '{duration}' at 'durationSeconds' failed to satisfy constraint: "
                f"Member must have value greater than or equal to {_SHORTEST_SESSION}"
            )
        if duration > int(role.max_session_duration):
            raise STSValidationError("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
        return assume_role(self, region_name, role_session_name, role_arn, policy, duration, **more)

    access_key_info = backend.get_access_key_info

    def get_access_key_info(self: Any, access_key_id: str) -> dict[str, str]:
        """https://docs.aws.amazon.com/STS/latest/APIReference/API_GetAccessKeyInfo.html."""
        if len(access_key_id) < _SHORTEST_ACCESS_KEY:
            raise STSValidationError(
                f"1 validation error detected: Value '{access_key_id}' at 'accessKeyId' failed to satisfy constraint: "
                f"Member must have length greater than or equal to {_SHORTEST_ACCESS_KEY}"
            )
        found: dict[str, str] = access_key_info(self, access_key_id)
        return found

    backend.get_access_key_info = get_access_key_info
    backend.get_caller_identity = get_caller_identity
    backend.assume_role = assume_existing_role


def _boundary_of(user: Any) -> dict[str, str] | None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachedPermissionsBoundary.html."""
    arn = getattr(user, "permissions_boundary_arn", None)
    return arn and {"PermissionsBoundaryType": "PermissionsBoundaryPolicy", "PermissionsBoundaryArn": arn}


def _add_boundaries(backend: Any, responses: Any) -> None:
    from moto.core.responses import EmptyResult
    from moto.core.serialize import never_return, return_if_not_empty
    from moto.iam.exceptions import NoSuchEntity

    def existing(self: Any, arn: str) -> str:
        if arn not in self.managed_policies:
            raise NoSuchEntity(f"Scope ARN: {arn} does not exist or is not attachable.")
        return arn

    def put_user_permissions_boundary(self: Any, user_name: str, arn: str) -> None:
        self.get_user(user_name).permissions_boundary_arn = existing(self, arn)

    def delete_user_permissions_boundary(self: Any, user_name: str) -> None:
        user = self.get_user(user_name)
        if getattr(user, "permissions_boundary_arn", None) is None:
            raise NoSuchEntity(f"User {user_name} has no permissions boundary.")
        user.permissions_boundary_arn = None

    put_role_boundary = backend.put_role_permissions_boundary

    def put_role_permissions_boundary(self: Any, role_name: str, permissions_boundary: str) -> None:
        self.get_role(role_name)
        put_role_boundary(self, role_name, existing(self, permissions_boundary))

    backend.put_user_permissions_boundary = put_user_permissions_boundary
    backend.delete_user_permissions_boundary = delete_user_permissions_boundary
    backend.put_role_permissions_boundary = put_role_permissions_boundary

    create_role, create_user = responses.create_role, responses.create_user

    def create_bounded_role(self: Any) -> Any:
        boundary = self._get_param("PermissionsBoundary")
        if boundary:
            existing(self.backend, boundary)
        return create_role(self)

    def create_bounded_user(self: Any) -> Any:
        boundary = self._get_param("PermissionsBoundary")
        if boundary:
            existing(self.backend, boundary)
        created = create_user(self)
        created.result["User"].permissions_boundary_arn = boundary
        return created

    def put_boundary(self: Any) -> Any:
        self.backend.put_user_permissions_boundary(self._get_param("UserName"), self._get_param("PermissionsBoundary"))
        return EmptyResult()

    def delete_boundary(self: Any) -> Any:
        self.backend.delete_user_permissions_boundary(self._get_param("UserName"))
        return EmptyResult()

    responses.create_role = create_bounded_role
    responses.create_user = create_bounded_user
    responses.put_user_permissions_boundary = put_boundary
    responses.delete_user_permissions_boundary = delete_boundary
    responses.RESPONSE_KEY_PATH_TO_TRANSFORMER |= {
        "CreateUserResponse.User.PermissionsBoundary": return_if_not_empty,
        "GetUserResponse.User.PermissionsBoundary": return_if_not_empty,
        "ListUsersResponse.Users.User.PermissionsBoundary": never_return,
    }


def _check_policies(responses: Any) -> None:
    """Refuse trust policies that are malformed, and principals where they belong or do not belong.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
    """
    from moto.iam import models
    from moto.iam.exceptions import MalformedPolicyDocument
    from moto.iam.policy_validation import IAMPolicyDocumentValidator, IAMTrustPolicyDocumentValidator

    class Identity(IAMPolicyDocumentValidator):
        def validate(self) -> None:
            super().validate()
            if any(statement.keys() & _PRINCIPALS for statement in self._statements):
                raise MalformedPolicyDocument("Policy document should not specify a principal.")

    class Trust(IAMTrustPolicyDocumentValidator):
        def validate(self) -> None:
            super().validate()
            if not all(statement.keys() & _PRINCIPALS for statement in self._statements):
                raise MalformedPolicyDocument("Missing required field Principal")

        def _validate_version(self) -> None:
            """Accept 2008-10-17, which is also the version of a policy without one."""

    create_role = responses.create_role

    def create_trusting_role(self: Any) -> Any:
        Trust(self._get_param("AssumeRolePolicyDocument")).validate()
        return create_role(self)

    validators: Any = models
    validators.IAMPolicyDocumentValidator = Identity
    validators.IAMTrustPolicyDocumentValidator = Trust
    responses.create_role = create_trusting_role


def _refuse_deletions(backend: Any) -> None:
    """Refuse to delete what is in use, with DeleteConflict as DeletePolicy, DeleteUser and DeleteGroup document it."""
    from moto.iam.exceptions import DeleteConflictException

    def refusing(method: Callable[..., Any], reason_of: Callable[[Any, str], str | None]) -> Callable[..., Any]:
        def delete(self: Any, name: str) -> Any:
            reason = reason_of(self, name)
            if reason is not None:
                raise DeleteConflictException(reason)
            return method(self, name)

        return delete

    def policy_in_use(self: Any, arn: str) -> str | None:
        policy = self.get_policy(arn)
        holders = [*self.roles.values(), *self.users.values(), *self.groups.values()]
        boundaries = {getattr(holder, "permissions_boundary_arn", None) for holder in holders}
        if arn in boundaries or any(arn in holder.managed_policies for holder in holders):
            return "Cannot delete a policy attached to entities."
        if len(policy.versions) > 1:
            return (
                "This policy has more than one version. Before you delete a policy, you must delete the policy's "
                "versions. The default version is deleted with the policy."
            )
        return None

    def user_in_use(self: Any, name: str) -> str | None:
        user = self.get_user(name)
        held = {
            "delete login profile": user.password,
            "delete access keys": user.access_keys,
            "delete signing certificates": user.signing_certificates,
            "delete SSH public keys": user.ssh_public_keys,
            "delete MFA device": user.mfa_devices,
            "remove users from group": self.get_groups_for_user(name),
        }
        return next((f"Cannot delete entity, must {what} first." for what, found in held.items() if found), None)

    def group_in_use(self: Any, name: str) -> str | None:
        group = self.get_group(name)
        held = {
            "remove users from group": group.users,
            "delete policies": group.policies,
            "detach all policies": group.managed_policies,
        }
        return next((f"Cannot delete entity, must {what} first." for what, found in held.items() if found), None)

    backend.delete_policy = refusing(backend.delete_policy, policy_in_use)
    backend.delete_user = refusing(backend.delete_user, user_in_use)
    backend.delete_group = refusing(backend.delete_group, group_in_use)


def _refuse_get_user_without_user(responses: Any) -> None:
    """Refuse GetUser without a name for a caller that is not a user. moto invents a user."""
    from moto.iam.exceptions import ValidationError

    get_user = responses.get_user

    def get_named_user(self: Any) -> Any:
        key = self.get_access_key()
        if self._get_param("UserName") or self.backend.get_user_from_access_key_id(key):
            return get_user(self)
        if key.startswith("ASIA"):
            raise ValidationError("Must specify userName when calling with non-User credentials")
        raise AwsError(
            "NotImplemented",
            "GetUser without UserName is not supported by the local IAM for the account's administrator: "
            "call GetCallerIdentity.",
            501,
        )

    responses.get_user = get_named_user
