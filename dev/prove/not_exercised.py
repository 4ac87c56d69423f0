"""Which permissions nothing here can exercise, and why the roles have them all the same.

An exception that some scenario does need is as wrong as a permission that none needs: both fail the proof.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from dev.prove.permissions import Permission


@dataclass(frozen=True)
class NotExercised:
    """Permissions and the reason.

    Attributes:
        role: What the role is for: ``mwaa``, ``glue`` or ``copy``.
        sid: The statement, with * for every one.
        action: The action, with * for several.
        reason: Why the local AWS cannot show that it is needed, and what needs it on AWS.
        resource: The end of the resource, with * for all.
    """

    role: str
    sid: str
    action: str
    reason: str
    resource: str = "*"


@dataclass(frozen=True)
class Exceptions:
    """The list, and which of it were asked for.

    Attributes:
        listed: The exceptions.
    """

    listed: tuple[NotExercised, ...]
    _used: dict[NotExercised, int] = field(default_factory=dict)

    def reason(self, role: str, permission: Permission) -> str | None:
        """Return why a permission cannot be exercised; None when it can.

        Of several permissions at once (every action, every resource) only an exception for all of them counts.
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
        """Return the exceptions that fit no permission."""
        return [exception for exception in self.listed if exception not in self._used]


_ENVIRONMENT = "MWAA's own containers do it; behind the local AWS's environments none run"
_WHOLE_LIST = "AWS asks for it in MWAA's role; which call needs it is MWAA's own matter"
_GLUE_ITSELF = "Glue's own agents do it beside Spark; the local Glue has none"
_BROKEN_UPLOAD = "cleans up after an upload in parts that broke off; nothing is uploaded in parts here"
_FLOW_LOGS = "AWS writes a VPC's traffic; there is none here"

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
    NotExercised("mwaa", "QueueBucketsAndSecretsAreEncrypted", "kms:Encrypt", "encrypts what lies in MWAA's queue"),
    NotExercised("glue", "CurationWritesItsVersionAndItsRejects", "s3:AbortMultipartUpload", _BROKEN_UPLOAD),
    NotExercised("glue", "RunWritesEncryptedLogs", "logs:AssociateKmsKey", _GLUE_ITSELF),
    NotExercised("glue", "RunPublishesItsMetrics", "*", _GLUE_ITSELF),
    NotExercised(
        "copy",
        "CopyListsCurated",
        "s3:ListBucket",
        "Redshift's documentation asks for it; the local COPY reads a manifest",
    ),
    NotExercised("flow-logs", "*", "*", _FLOW_LOGS),
)
