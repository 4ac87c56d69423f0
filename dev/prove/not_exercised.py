"""The permissions that no scenario can exercise here, with the reasons why the roles have them anyway.

The proof fails for a permission that no scenario needs, and also for an exception that a scenario does need.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from dev.prove.permissions import Permission


@dataclass(frozen=True)
class NotExercised:
    """Permissions that cannot be exercised, and the reason.

    Attributes:
        role: The role's purpose: ``mwaa``, ``glue``, ``copy`` or ``flow-logs``.
        sid: The statement's Sid; * matches any text.
        action: The action; * matches any text.
        reason: Why the local AWS cannot prove that it is needed, and what needs it on AWS.
        resource: The resource; * matches any text.
    """

    role: str
    sid: str
    action: str
    reason: str
    resource: str = "*"


@dataclass(frozen=True)
class Exceptions:
    """The exceptions, and which of them have been used.

    Attributes:
        listed: The exceptions.
    """

    listed: tuple[NotExercised, ...]
    _used: dict[NotExercised, int] = field(default_factory=dict)

    def reason(self, role: str, permission: Permission) -> str | None:
        """Return why a permission cannot be exercised; None if it can.

        For a permission that stands for every action or every resource, only an exception for all of them counts.
        """
        for exception in self.listed:
            if exception.role != role or not fnmatchcase(permission.sid, exception.sid):
                continue
            action_fits = (
                fnmatchcase(permission.action, exception.action) if permission.action else exception.action == "*"
            )
            resource_fits = (
                fnmatchcase(permission.resource, exception.resource)
                if permission.resource
                else exception.resource == "*"
            )
            if action_fits and resource_fits:
                self._used[exception] = self._used.get(exception, 0) + 1
                return exception.reason
        return None

    def unused(self) -> list[NotExercised]:
        """Return the exceptions that match no permission."""
        return [exception for exception in self.listed if exception not in self._used]


_ENVIRONMENT = "MWAA's own containers use it; the local AWS runs none"
_WHOLE_LIST = "AWS requires it in MWAA's role, but does not document the call that needs it"
_GLUE_ITSELF = "Glue's own agents use it; the local Glue has none"
_FAILED_WRITE = "S3A uses it only after a write that failed; the scenarios have none"
_FLOW_LOGS = "AWS logs a VPC's traffic; there is none here"

EXCEPTIONS: tuple[NotExercised, ...] = (
    NotExercised("mwaa", "EnvironmentPublishesItsHealth", "*", _ENVIRONMENT),
    NotExercised("mwaa", "EnvironmentReadsTheBundle", "s3:GetObject", _ENVIRONMENT, resource="*/plugins.zip"),
    NotExercised("mwaa", "EnvironmentReadsTheBundle", "s3:GetObject", _ENVIRONMENT, resource="*/requirements.txt"),
    NotExercised("mwaa", "EnvironmentReadsTheBundle", "s3:GetObjectVersion", _ENVIRONMENT, resource="*/dags/*"),
    NotExercised("mwaa", "EnvironmentChecksTheBundlesBucket", "s3:Get*", _WHOLE_LIST),
    NotExercised("mwaa", "EnvironmentChecksTheBundlesBucket", "s3:ListBucketVersions", _WHOLE_LIST),
    NotExercised("mwaa", "EnvironmentWritesAndShowsItsLogs", "*", _ENVIRONMENT),
    NotExercised("mwaa", "EnvironmentChecksTheAccount", "*", _WHOLE_LIST),
    NotExercised("mwaa", "EnvironmentQueuesTasks", "*", _ENVIRONMENT),
    NotExercised("mwaa", "QueueBucketsAndSecretsAreEncrypted", "kms:DescribeKey", _WHOLE_LIST),
    NotExercised("mwaa", "QueueBucketsAndSecretsAreEncrypted", "kms:Encrypt", "encrypts messages in MWAA's queue"),
    NotExercised("glue", "CurationWritesItsVersionAndItsRejects", "s3:AbortMultipartUpload", _FAILED_WRITE),
    NotExercised("glue", "CurationWritesItsVersionAndItsRejects", "s3:ListMultipartUploadParts", _FAILED_WRITE),
    NotExercised("glue", "RunWritesEncryptedLogs", "logs:AssociateKmsKey", _GLUE_ITSELF),
    NotExercised("glue", "RunPublishesItsMetrics", "*", _GLUE_ITSELF),
    NotExercised(
        "copy",
        "CopyListsCurated",
        "s3:ListBucket",
        "Redshift's documentation requires it; the local COPY reads a manifest",
    ),
    NotExercised("flow-logs", "*", "*", _FLOW_LOGS),
)
