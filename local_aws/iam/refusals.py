"""The error codes and messages that each service uses to refuse a caller.

The message: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""

from __future__ import annotations

from local_aws.iam.checks import Check
from local_aws.iam.identity import CredentialsError
from local_aws.protocol.errors import AwsError

_XML = frozenset({"iam", "monitoring", "s3", "sts"})
_INVALID = "The security token included in the request is invalid."
_EXPIRED = "The security token included in the request is expired"


def denial(service: str, principal_arn: str, check: Check, reason: str) -> AwsError:
    """Return the error for a caller without permission.

    Args:
        service: The signing name of the service that was called.
        principal_arn: The ARN of the caller.
        check: The check that was denied.
        reason: The reason, which ends the message.
    """
    resource = f'"{check.resource}"' if service == "s3" else check.resource
    message = f"User: {principal_arn} is not authorized to perform: {check.action} on resource: {resource} {reason}"
    if service == "ec2":
        return AwsError("UnauthorizedOperation", f"You are not authorized to perform this operation. {message}", 403)
    if service == "sns":
        return AwsError("AuthorizationError", message, 403)
    if service in _XML:
        return AwsError("AccessDenied", message, 403)
    return AwsError("AccessDeniedException", message, 403 if service == "airflow" else 400)


def refused_credentials(service: str, error: CredentialsError) -> AwsError:
    """Return the error for credentials that are invalid or have expired."""
    if service == "s3":
        if error.expired:
            return AwsError("ExpiredToken", "The provided token has expired.", 400)
        return AwsError("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", 403)
    if service == "ec2":
        return AwsError(
            "RequestExpired" if error.expired else "AuthFailure", _EXPIRED if error.expired else _INVALID, 403
        )
    if service in _XML or service == "sns":
        return AwsError(
            "ExpiredToken" if error.expired else "InvalidClientTokenId", _EXPIRED if error.expired else _INVALID, 403
        )
    code = "ExpiredTokenException" if error.expired else "UnrecognizedClientException"
    return AwsError(code, _EXPIRED if error.expired else _INVALID, 403)
