"""Reads the account's resources from moto's backends in this process: facts for ARNs, and resource-based policies."""

from __future__ import annotations

import datetime as dt
import functools
import json
import urllib.parse
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from local_aws.iam.checks import Encryption, StoredSecret
from local_aws.iam.identity import CredentialsError, Principal, identify
from local_aws.iam.policy import Policy, PolicyError, read_policy
from local_aws.protocol.account import ACCOUNT_ID
from local_aws.protocol.signature import RequestContext

Result = TypeVar("Result")


def _looking(method: Callable[..., Result]) -> Callable[..., Result]:
    """Pause moto while a method reads it. The method must not wait for a thread that may be waiting for moto."""

    @functools.wraps(method)
    def look(self: Account, *arguments: Any) -> Result:
        with self._standing_still():
            return method(self, *arguments)

    return look


class Account:
    """Principals, the facts of `local_aws.iam.checks.Facts`, and resource-based policies.

    Args:
        standing_still: Returns a context manager; moto may be read inside it (see MotoState).
        workgroup_arn: Returns the ARN of a Redshift Serverless workgroup by its name or ARN.
        namespace_arn: Returns the ARN of a namespace by its name.
        redshift_tags: Returns the tags of a namespace or workgroup by its ARN.
        athena_workgroup_of: Returns the name of the Athena workgroup of a named query by the query's ID.
        athena_tags: Returns the tags of an Athena workgroup by its ARN.
        statement_owner: Returns the aws:userid of the caller that submitted a statement to the Redshift Data API.
    """

    def __init__(
        self,
        *,
        standing_still: Callable[[], AbstractContextManager[Any]],
        workgroup_arn: Callable[[str], str | None],
        namespace_arn: Callable[[str], str | None],
        redshift_tags: Callable[[str], Mapping[str, str]],
        athena_workgroup_of: Callable[[str], str | None],
        athena_tags: Callable[[str], Mapping[str, str]],
        statement_owner: Callable[[str], str | None],
    ) -> None:
        self._standing_still = standing_still
        self.workgroup_arn = workgroup_arn
        self.namespace_arn = namespace_arn
        self.redshift_tags = redshift_tags
        self.athena_workgroup_of = athena_workgroup_of
        self.athena_tags = athena_tags
        self.statement_owner = statement_owner

    @_looking
    def principal(self, context: RequestContext, now: Callable[[], dt.datetime]) -> Principal:
        """Return the principal behind a request's credentials (see `local_aws.iam.identity.identify`)."""
        return identify(context, now)

    @_looking
    def userid(self, context: RequestContext) -> str:
        """Return a caller's aws:userid, or the access key of an unknown caller."""
        try:
            return identify(context).userid
        except (CredentialsError, PolicyError):
            return context.access_key_id

    @_looking
    def database_user(self, context: RequestContext) -> str | None:
        """Return the Redshift user of a caller who names no secret, or None if AWS does not document it.

        https://docs.aws.amazon.com/redshift/latest/mgmt/data-api-access.html
        """
        try:
            principal = identify(context)
        except (CredentialsError, PolicyError):
            return None
        prefix = {"user": "IAM", "role": "IAMR"}.get(principal.kind)
        return None if prefix is None else f"{prefix}:{principal.name}"

    @_looking
    def role_arn(self, name: str) -> str | None:
        """Return the ARN of a role, with its path."""
        role = _role(name)
        return None if role is None else str(role.arn)

    @_looking
    def secret(self, region: str, secret_id: str) -> StoredSecret | None:
        """Return a secret by its name, its ARN or the part of its ARN before the suffix."""
        found = _secret(region, secret_id)
        if found is None:
            return None
        key = self.kms_key(region, found.kms_key_id) if found.kms_key_id else None
        return StoredSecret(found.arn, found.name, key)

    @_looking
    def kms_key(self, region: str, key_id: str) -> str | None:
        """Return a customer's key by its id, ARN or alias; None for AWS's own keys and for keys that do not exist."""
        key = _key(region, key_id)
        return None if key is None else str(key.arn)

    @_looking
    def bucket_encryption(self, bucket: str) -> Encryption | None:
        """Return the customer's key that a bucket uses by default."""
        found = _bucket(bucket)
        if found is None or not found.encryption:
            return None
        rule = found.encryption["Rule"]
        default = rule.get("ApplyServerSideEncryptionByDefault", {})
        return self._encryption(
            found, default.get("SSEAlgorithm"), default.get("KMSMasterKeyID"), rule.get("BucketKeyEnabled")
        )

    @_looking
    def object_exists(self, bucket: str, key: str) -> bool:
        """Return whether an object exists; True if its bucket does not exist, because that is a different error."""
        found = _bucket(bucket)
        return found is None or _object(bucket, key, None) is not None

    @_looking
    def object_encryption(self, bucket: str, key: str, version_id: str | None) -> Encryption | None:
        """Return the customer's key that encrypts an object."""
        found = _object(bucket, key, version_id)
        if found is None:
            return None
        return self._encryption(_bucket(bucket), found.encryption, found.kms_key_id, found.bucket_key_enabled)

    @_looking
    def upload_encryption(self, bucket: str, upload_id: str) -> Encryption | None:
        """Return the customer's key of a multipart upload. An upload that names no key has the bucket's."""
        found = _bucket(bucket)
        upload = None if found is None else found.multiparts.get(upload_id)
        if upload is None:
            return None
        if upload.sse_encryption is None:
            return self.bucket_encryption(bucket)
        return self._encryption(found, upload.sse_encryption, upload.kms_key_id, None)

    def _encryption(self, bucket: Any, method: str | None, key_id: str | None, bucket_key: Any) -> Encryption | None:
        if method in (None, "AES256") or not key_id:
            return None
        key = self.kms_key(bucket.region_name, key_id)
        return None if key is None else Encryption(key, str(bucket_key).lower() == "true")

    @_looking
    def resource_policy(self, resource: str) -> Policy | None:
        """Return the policy of a bucket, a secret, a KMS key or a topic, or the trust policy of a role.

        Raises:
            PolicyError: The policy is not valid.
        """
        fields = resource.split(":", 5)
        if len(fields) < 6:
            return None
        service, region, rest = fields[2], fields[3], fields[5]
        found: tuple[str, Any] | None = None
        if service == "s3":
            bucket = _bucket(rest.partition("/")[0])
            found = None if bucket is None else (f"bucket policy of {bucket.name}", bucket.policy)
        elif service == "secretsmanager":
            secret = _secret(region, resource)
            found = None if secret is None else (f"resource policy of {secret.name}", secret.policy)
        elif service == "kms":
            key = _key(region, resource)
            found = None if key is None else (f"key policy of {key.id}", key.policy)
        elif service == "sns":
            topic = _backend("sns", region).topics.get(resource)
            found = None if topic is None else (f"topic policy of {topic.name}", topic.policy)
        elif service == "iam" and rest.startswith("role/"):
            role = _role(rest.rpartition("/")[2])
            if role is not None and role.arn == resource:
                found = (f"trust policy of {role.name}", role.assume_role_policy_document)
        if found is None or not found[1]:
            return None
        return read_policy(found[0], _text(found[1]))


def _text(document: Any) -> str:
    if isinstance(document, bytes):
        return document.decode()
    if not isinstance(document, str):
        return json.dumps(document)
    return urllib.parse.unquote(document) if document.startswith("%7B") else document


def _backend(service: str, region: str) -> Any:
    from moto.backends import get_backend

    return get_backend(service)[ACCOUNT_ID][region]  # type: ignore[call-overload]


def _role(name: str) -> Any:
    return next((role for role in list(_backend("iam", "aws").roles.values()) if role.name == name), None)


def _secret(region: str, secret_id: str) -> Any:
    return _backend("secretsmanager", region).secrets.get(secret_id) if secret_id else None


def _key(region: str, key_id: str) -> Any:
    if key_id.startswith("arn:"):
        region = key_id.split(":", 4)[3]
    backend = _backend("kms", region)
    name = key_id.partition(":alias/")[2] if ":alias/" in key_id else key_id.removeprefix("alias/")
    if "alias/" in key_id:
        if name.startswith("aws/"):
            return None
        wanted = f"alias/{name}"
        for key in list(backend.keys.values()):
            if wanted in key.aliases:
                return key
        return None
    return backend.keys.get(key_id.rpartition("key/")[2])


def _bucket(name: str) -> Any:
    return _backend("s3", "aws").buckets.get(name)


def _object(bucket: str, key: str, version_id: str | None) -> Any:
    from moto.s3.models import FakeKey

    found = _bucket(bucket)
    if found is None:
        return None
    versions = found.keys.getlist(key, default=[]) if version_id is not None else [found.keys.get(key)]
    for version in versions or []:
        if isinstance(version, FakeKey) and version_id in (None, str(version.version_id)):
            return version
    return None
