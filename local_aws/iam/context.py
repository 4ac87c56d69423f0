"""The condition keys of one request: what they are, which are absent, and which cannot be told here.

A key that AWS would not send is something else than a key that the local AWS does not know: the first has a meaning in
IAM (a negated operator matches, for example), the second must never be taken for it.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping

Values = tuple[str, ...]

# Keys of every request, with a value or absent as on AWS:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
# Left out, because it cannot be told here what they would be: aws:SourceVpc, aws:SourceVpce, aws:VpcSourceIp,
# aws:ResourceTag, aws:TokenIssueTime, aws:MultiFactorAuthAge, aws:Referer and whatever is not listed.
GLOBAL_KEYS = (
    "aws:CalledVia",
    "aws:CalledViaFirst",
    "aws:CalledViaLast",
    "aws:CurrentTime",
    "aws:EpochTime",
    "aws:MultiFactorAuthPresent",
    "aws:PrincipalAccount",
    "aws:PrincipalArn",
    "aws:PrincipalIsAWSService",
    "aws:PrincipalOrgID",
    "aws:PrincipalOrgPaths",
    "aws:PrincipalServiceName",
    "aws:PrincipalTag/*",
    "aws:PrincipalType",
    "aws:RequestedRegion",
    "aws:ResourceAccount",
    "aws:ResourceOrgID",
    "aws:SecureTransport",
    "aws:SourceAccount",
    "aws:SourceArn",
    "aws:SourceIp",
    "aws:SourceOwner",
    "aws:UserAgent",
    "aws:userid",
    "aws:username",
    "aws:ViaAWSService",
)


class UnknownKeyError(Exception):
    """A condition key whose value cannot be told here; the message is its name."""


@dataclasses.dataclass(frozen=True)
class Context:
    """Condition keys and their values; names of keys are compared without regard to case.

    Attributes:
        values: The values by lower-case key.
        known: The lower-case keys of which it is known whether they have a value; ``aws:principaltag/*`` stands for all
            keys that begin so.
    """

    values: Mapping[str, Values]
    known: frozenset[str]

    @classmethod
    def of(cls, values: Mapping[str, Values], known: Iterable[str]) -> Context:
        """Make a context; the global keys are always among the known ones."""
        return cls({key.lower(): value for key, value in values.items()}, _lowered(tuple(known)))

    def without(self, key: str) -> Context:
        """Return the context in which it is not known whether a key has a value."""
        return dataclasses.replace(self, known=self.known - {key.lower()})

    def get(self, key: str) -> Values | None:
        """Return the values of a key, or None when the request does not have it.

        Raises:
            UnknownKeyError: It cannot be told here.
        """
        lowered = key.lower()
        found = self.values.get(lowered)
        if found is not None:
            return found
        if lowered in self.known or any(name[-1] == "*" and lowered.startswith(name[:-1]) for name in self.known):
            return None
        raise UnknownKeyError(key)


@functools.cache
def _lowered(known: tuple[str, ...]) -> frozenset[str]:
    return frozenset(key.lower() for key in (*GLOBAL_KEYS, *known))
