"""Checks requests before moto receives them, because moto accepts or ignores much that AWS checks."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from local_aws.front.pretended import ignored_members
from local_aws.moto_backend import s3_requests
from local_aws.moto_backend.state import MotoState
from local_aws.protocol.errors import AwsError
from local_aws.protocol.http_request import HttpRequest
from local_aws.protocol.requests import checked_request
from local_aws.protocol.service_models import load_service_model
from local_aws.protocol.signature import RequestContext

# Services whose requests are validated against botocore's model.
_VALIDATED = frozenset({"glue", "secretsmanager"})
_UNUSABLE_KEYS = {
    "Disabled": ("KMS.DisabledException", "is disabled."),
    "PendingDeletion": ("KMS.KMSInvalidStateException", "is pending deletion."),
}
_AWS_MANAGED_KEY = re.compile(r"(arn:aws:kms:[^:]+:\d{12}:)?alias/aws/\w+")


class Admission:
    """Admits requests to moto or refuses them.

    Args:
        moto: Queried for KMS keys and for the encryption of buckets.
    """

    def __init__(self, moto: MotoState) -> None:
        self._moto = moto

    def admitted(self, service: str, operation: str, context: RequestContext, request: HttpRequest) -> HttpRequest:
        """Check a request.

        Args:
            service: The signing name of the service.
            operation: The operation's name.
            context: The caller.
            request: The request.

        Returns:
            The request for moto.

        Raises:
            AwsError: AWS would refuse the request, or the emulator does not implement it.
        """
        if service == "s3":
            request, key = s3_requests.admitted(operation, request, lambda bucket: self._default_key(context, bucket))
            problem = self._key_problem(context, key) if key else None
            if problem is not None:
                raise AwsError(*problem)
        elif service in _VALIDATED:
            params = checked_request(load_service_model(service), operation, request.body)
            for member in ignored_members(service, operation, params):
                raise AwsError(
                    "NotImplemented",
                    f"{member} in {operation} is not supported by the local {service}, so it is refused instead of "
                    "being ignored.",
                    501,
                )
            if service == "secretsmanager":
                self._check_secret(operation, context, params)
            elif operation in {"CreateJob", "UpdateJob"}:
                _check_capacity(params.get("JobUpdate", params))
        return request

    def _check_secret(self, operation: str, context: RequestContext, params: Mapping[str, Any]) -> None:
        if params.get("SecretString") is not None and params.get("SecretBinary") is not None:
            raise AwsError(
                "InvalidParameterException",
                "You can't specify both a binary secret value and a string secret value in the same secret.",
            )
        problem = self._key_problem(context, params["KmsKeyId"]) if params.get("KmsKeyId") else None
        if problem is not None:
            raise AwsError("EncryptionFailure", f"The KMS key cannot be used: {problem[1]}")
        if operation == "PutSecretValue":
            described = self._call_moto(
                context, "secretsmanager", "secretsmanager.DescribeSecret", SecretId=params["SecretId"]
            )
            if described[1].get("DeletedDate"):
                raise AwsError(
                    "InvalidRequestException",
                    "You can't perform this operation on the secret because it was marked for deletion.",
                )

    def _call_moto(
        self, context: RequestContext, service: str, target: str, **params: Any
    ) -> tuple[int, dict[str, Any]]:
        """Call moto in the JSON protocol and return the status and the document."""
        headers = (
            *_headers(context, service),
            ("x-amz-target", target),
            ("content-type", "application/x-amz-json-1.1"),
        )
        request = HttpRequest("POST", "/", "", headers, json.dumps(params).encode())
        response = self._moto.respond(service, target.rpartition(".")[2], request)
        return response.status, json.loads(response.body)

    def _default_key(self, context: RequestContext, bucket: str) -> str | None:
        """Return the KMS key that a bucket uses for new objects, or None."""
        headers = _headers(context, "s3")
        response = self._moto.respond(
            "s3", "GetBucketEncryption", HttpRequest("GET", f"/{bucket}", "encryption", headers, b"")
        )
        found = re.search(rb"<KMSMasterKeyID>([^<]+)</KMSMasterKeyID>", response.body)
        return found[1].decode() if response.status == 200 and found else None

    def _key_problem(self, context: RequestContext, key: str) -> tuple[str, str] | None:
        """Return the error code and message if a KMS key cannot encrypt, or None."""
        if _AWS_MANAGED_KEY.fullmatch(key):
            return None
        status, document = self._call_moto(context, "kms", "TrentService.DescribeKey", KeyId=key)
        if status != 200:
            message = document.get("message") or document.get("Message") or f"Key {key!r} does not exist"
            return "KMS.NotFoundException", str(message)
        metadata = document["KeyMetadata"]
        if metadata["KeyState"] == "Enabled":
            return None
        code, words = _UNUSABLE_KEYS.get(metadata["KeyState"], ("KMS.KMSInvalidStateException", "is not enabled."))
        return code, f"{metadata['Arn']} {words}"


def _check_capacity(job: Mapping[str, Any]) -> None:
    if job.get("MaxCapacity") and (job.get("WorkerType") or job.get("NumberOfWorkers")):
        raise AwsError(
            "InvalidInputException", "Please do not set Max Capacity if using Worker Type and Number of Workers."
        )


def _headers(context: RequestContext, service: str) -> tuple[tuple[str, str], ...]:
    """Return the headers of a call to moto, which reads the region from the credential scope."""
    scope = f"{context.access_key_id}/20240101/{context.region}/{service}/aws4_request"
    return (
        ("host", "127.0.0.1"),
        ("authorization", f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"),
    )
