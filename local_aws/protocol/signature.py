"""Reads the signature of a request: the service that it is for, and the caller.

Signatures are not verified.
"""

from __future__ import annotations

import dataclasses
import re
from urllib.parse import parse_qsl

from local_aws.protocol.account import ACCOUNT_ID, DEFAULT_REGION
from local_aws.protocol.wsgi import Environ

_CREDENTIAL = re.compile(
    r"Credential=(?P<access_key_id>[^/,\s]+)/(?P<date>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request"
)


@dataclasses.dataclass(frozen=True)
class RequestContext:
    """The caller of a request, with the region and the account.

    Attributes:
        region: The region of the request's credential scope.
        account_id: The account of the ARNs in the response.
        access_key_id: The access key that signed the request.
        session_token: The session token of temporary credentials, or None.
    """

    region: str
    account_id: str
    access_key_id: str
    session_token: str | None


@dataclasses.dataclass(frozen=True)
class Scope:
    """What a request's signature contains: the signing name of the service, and the caller."""

    service: str
    context: RequestContext


def request_scope(environ: Environ) -> Scope | None:
    """Read the signature from the Authorization header or, for a presigned URL, from the query string.

    Args:
        environ: The WSGI environment.

    Returns:
        The scope, or None when the request is not signed.
    """
    query = dict(parse_qsl(environ.get("QUERY_STRING", "")))
    found = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", "")) or _CREDENTIAL.search(
        f"Credential={query.get('X-Amz-Credential', '')}"
    )
    if found is None and {"AWSAccessKeyId", "Signature", "Expires"} <= query.keys():
        # boto3 still presigns S3 URLs with version 2, which contains neither the service nor the region.
        old = RequestContext(DEFAULT_REGION, ACCOUNT_ID, query["AWSAccessKeyId"], query.get("x-amz-security-token"))
        return Scope("s3", old)
    if found is None:
        return None
    token = environ.get("HTTP_X_AMZ_SECURITY_TOKEN") or query.get("X-Amz-Security-Token")
    return Scope(
        service=found["service"].lower(),
        context=RequestContext(
            region=found["region"], account_id=ACCOUNT_ID, access_key_id=found["access_key_id"], session_token=token
        ),
    )
