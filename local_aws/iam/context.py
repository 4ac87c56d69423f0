"""The condition keys of one request: their values, which keys are absent, and which have an unknown value.

A key that AWS would not send is different from a key that the local AWS does not know. The absence of the first has a
meaning in IAM: a negated operator matches, for example. The second must never be treated as absent.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping

Values = tuple[str, ...]

# The keys of every request, with or without a value, as on AWS:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
# All other keys are left out because their value is unknown here: aws:SourceVpc, aws:SourceVpce, aws:VpcSourceIp,
# aws:TokenIssueTime, aws:MultiFactorAuthAge, aws:Referer, aws:ResourceTag except for Redshift (actions.KNOWN_KEYS), and
# all keys that are not listed.
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
    """The value of a condition key is unknown here. The message is the name of the key."""


@dataclasses.dataclass(frozen=True)
class Context:
    """Condition keys and their values. The names of keys are case-insensitive.

    Attributes:
        values: The values by lower-case key.
        known: The lower-case keys that are known to have a value or to have none. ``aws:principaltag/*`` stands for
            all keys with that prefix.
    """

    values: Mapping[str, Values]
    known: frozenset[str]

    @classmethod
    def of(cls, values: Mapping[str, Values], known: Iterable[str]) -> Context:
        """Create a context. The global keys are always known."""
        return cls({key.lower(): value for key, value in values.items()}, _lowered(tuple(known)))

    def without(self, key: str) -> Context:
        """Return a context where a key may or may not have a value."""
        return dataclasses.replace(self, known=self.known - {key.lower()})

    def get(self, key: str) -> Values | None:
        """Return the values of a key, or None if the request does not have it.

        Raises:
            UnknownKeyError: The value is unknown here.
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
