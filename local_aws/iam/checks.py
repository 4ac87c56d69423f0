"""The checks that a call needs: data types of a check and a call, and the facts about the account they depend on."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import json
import re
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import parse_qs, parse_qsl, unquote

from local_aws.iam.context import Values
from local_aws.protocol.errors import AwsError
from local_aws.protocol.http_request import HttpRequest


@dataclasses.dataclass(frozen=True)
class Check:
    """One action on one resource that must be allowed.

    Attributes:
        action: The action, for example ``s3:GetObject``.
        resource: The resource's ARN, or ``*``.
        keys: The condition keys that the service adds.
        implied_by: What makes the check necessary; None for the operation's own checks.
        skip_on_refusal: Whether a refusal skips an item, such as a key of DeleteObjects, instead of the whole call.
    """

    action: str
    resource: str
    keys: Mapping[str, Values] = dataclasses.field(default_factory=dict)
    implied_by: str | None = None
    skip_on_refusal: bool = False


@dataclasses.dataclass(frozen=True)
class ApiCall:
    """A call in the form that the checks are derived from.

    Attributes:
        service: The signing name of the service.
        operation: The operation's name.
        region: The region.
        account_id: The account.
        userid: The caller's aws:userid.
        params: The parameters of a JSON or query request. In the latter, all values are strings.
        path: The path, decoded.
        query: The query's parameters.
        headers: The headers by lower-case name.
        body: The body.
    """

    service: str
    operation: str
    region: str
    account_id: str
    userid: str
    params: Mapping[str, Any]
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def arn(self, rest: str, service: str | None = None) -> str:
        """Return the ARN of a resource in the call's region and account."""
        return f"arn:aws:{service or self.service}:{self.region}:{self.account_id}:{rest}"

    def text(self, name: str) -> str:
        """Return a string parameter, or "" if it is missing or not a string."""
        value = self.params.get(name)
        return value if isinstance(value, str) else ""


@dataclasses.dataclass(frozen=True)
class Encryption:
    """The KMS key of a stored object or of a bucket's new objects.

    Attributes:
        key: The key's ARN.
        bucket_key: Whether S3 calls KMS once per bucket instead of once per object.
    """

    key: str
    bucket_key: bool = False


@dataclasses.dataclass(frozen=True)
class StoredSecret:
    """A secret's full ARN, name and KMS key. The key is None for Secrets Manager's own key."""

    arn: str
    name: str
    kms_key: str | None


class Facts(Protocol):
    """The facts about the account's resources that the ARNs and checks of a call depend on."""

    def role_arn(self, name: str) -> str | None:
        """Return the ARN of a role, with its path."""

    def secret(self, region: str, secret_id: str) -> StoredSecret | None:
        """Return a secret by its name, its ARN or the part of its ARN before the suffix."""

    def kms_key(self, region: str, key_id: str) -> str | None:
        """Return a customer's key by its id, ARN or alias; None for AWS's own keys and for keys that do not exist."""

    def bucket_encryption(self, bucket: str) -> Encryption | None:
        """Return the customer's key that a bucket uses by default."""

    def object_exists(self, bucket: str, key: str) -> bool:
        """Return whether an object exists; True if its bucket does not exist, because that is a different error."""

    def object_encryption(self, bucket: str, key: str, version_id: str | None) -> Encryption | None:
        """Return the customer's key that encrypts an object."""

    def upload_encryption(self, bucket: str, upload_id: str) -> Encryption | None:
        """Return the customer's key of a multipart upload."""

    def workgroup_arn(self, name: str) -> str | None:
        """Return the ARN of a Redshift Serverless workgroup by its name or ARN."""

    def namespace_arn(self, name: str) -> str | None:
        """Return the ARN of a Redshift Serverless namespace by its name."""

    def redshift_tags(self, arn: str) -> Mapping[str, str]:
        """Return the tags of a Redshift Serverless namespace or workgroup; no tags if it does not exist."""

    def athena_workgroup_of(self, query_id: str) -> str | None:
        """Return the name of the Athena workgroup of a named query by the query's ID."""

    def athena_tags(self, arn: str) -> Mapping[str, str]:
        """Return the tags of an Athena workgroup; no tags if it does not exist."""

    def statement_owner(self, statement_id: str) -> str | None:
        """Return the aws:userid of the caller that submitted a statement to the Redshift Data API."""


_MEMBER = re.compile(r"\.(?:member|entry)\.")


def read_call(
    service: str, operation: str, *, region: str, account_id: str, userid: str, request: HttpRequest
) -> ApiCall:
    """Parse a request.

    Raises:
        AwsError: The body does not have its protocol's format.
    """
    headers = {name.lower(): value.strip() for name, value in request.headers}
    query = dict(parse_qsl(request.query, keep_blank_values=True))
    return ApiCall(
        service=service,
        operation=operation,
        region=region,
        account_id=account_id,
        userid=userid,
        params={} if service == "s3" else _params(request, headers, query),
        path=unquote(request.raw_path),
        query=query,
        headers=headers,
        body=request.body,
    )


def _params(request: HttpRequest, headers: Mapping[str, str], query: Mapping[str, str]) -> Mapping[str, Any]:
    if not request.body:
        return query
    if request.body.lstrip()[:1] == b"{":
        try:
            document = json.loads(request.body)
        except ValueError:
            raise AwsError("SerializationException", "The request's body is not JSON.") from None
    else:
        fields = parse_qs(request.body.decode("utf-8", "replace"), keep_blank_values=True)
        return {_MEMBER.sub(".", name): values[0] for name, values in fields.items()}
    if not isinstance(document, dict):
        raise AwsError("SerializationException", "The request's body is not an object.")
    return document


def key_of_ciphertext(blob: str) -> str:
    """Return the id of the key that the local KMS encrypted with. It is the first part of the ciphertext."""
    try:
        return base64.b64decode(blob)[:36].decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        return ""
