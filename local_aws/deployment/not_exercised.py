"""Which permissions nothing here can exercise, and why the roles have them all the same.

An exception that some scenario does need is as wrong as a permission that none needs: both fail the proof.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from local_aws.deployment.permissions import Permission


@dataclass(frozen=True)
class NotExercised:
    """Permissions and the reason.

    Attributes:
        role: What the role is for: ``mwaa``, ``glue`` or ``copy``.
        sid: The statement.
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
            if (exception.role, exception.sid) != (role, permission.sid):
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
_NO_FAILURE = "cleans up after an upload of several parts that broke off; nothing here is that large"

EXCEPTIONS: tuple[NotExercised, ...] = (NotExercised("mwaa", "EnvironmentPublishesItsHealth", "*", _ENVIRONMENT),)
