"""Patterns of policies: the wildcards * and ?, policy variables, and ARNs, which are compared field by field.

Policy variables: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

from __future__ import annotations

import functools
import re

from local_aws.iam.context import Context, UnknownKeyError

_TOKEN = re.compile(r"\$\{(?P<variable>[^}]*)\}|(?P<wildcard>[*?])|(?P<text>[^$*?]+|\$)")
_VARIABLE = re.compile(r"(?P<key>[^,]+?)\s*(?:,\s*'(?P<default>[^']*)'\s*)?")
_ARN_FIELDS = 6


class AbsentVariableError(Exception):
    """A policy variable has neither a value nor a default. The pattern that contains it matches nothing."""


@functools.lru_cache(maxsize=4096)
def _plain(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    parts = {"*": ".*", "?": "."}
    text = "".join(parts.get(character) or re.escape(character) for character in pattern)
    return re.compile(text, re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def like(pattern: str, value: str, *, ignore_case: bool = False) -> bool:
    """Return whether a value matches a pattern with wildcards and without policy variables."""
    return _plain(pattern, ignore_case).fullmatch(value) is not None


def literal(pattern: str, context: Context | None) -> str:
    """Return a string with its policy variables replaced. Wildcards in it have no special meaning.

    Args:
        pattern: The string.
        context: The values of variables; None if the policy's version has no variables.

    Raises:
        AbsentVariableError: A variable has neither a value nor a default.
        UnknownKeyError: The value of a variable is unknown here.
    """
    if context is None or "${" not in pattern:
        return pattern
    return "".join(
        _value(found["variable"], context) if found["variable"] is not None else found[0]
        for found in _TOKEN.finditer(pattern)
    )


def matches(pattern: str, value: str, context: Context | None) -> bool:
    """Return whether a value matches a pattern with wildcards and policy variables. Variables' values are literal.

    Raises:
        AbsentVariableError: A variable has neither a value nor a default.
        UnknownKeyError: The value of a variable is unknown here.
    """
    if context is None or "${" not in pattern:
        return like(pattern, value)
    parts = []
    for found in _TOKEN.finditer(pattern):
        if found["variable"] is not None:
            parts.append(re.escape(_value(found["variable"], context)))
        else:
            parts.append({"*": ".*", "?": "."}.get(found[0]) or re.escape(found[0]))
    return re.fullmatch("".join(parts), value, re.DOTALL) is not None


def arn_matches(pattern: str, arn: str, context: Context | None, *, complete: bool = False) -> bool:
    """Return whether an ARN matches a pattern. Each of the six fields is compared separately.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html

    Args:
        pattern: The pattern. ``*`` alone matches everything.
        arn: The ARN, or ``*`` for a call without a resource.
        context: The values of variables; None if the policy's version has no variables.
        complete: Whether fields that the pattern lacks count as ``*``, as in identity-based policies.

    Raises:
        AbsentVariableError: A variable has neither a value nor a default.
        UnknownKeyError: The value of a variable is unknown here.
    """
    if pattern == "*":
        return True
    fields = _fields(pattern)
    values = arn.split(":", _ARN_FIELDS - 1)
    if complete and fields[0] == "arn":
        fields += ["*"] * (_ARN_FIELDS - len(fields))
    if len(fields) != len(values):
        return False
    return all(matches(field, value, context) for field, value in zip(fields, values, strict=True))


def _fields(pattern: str) -> list[str]:
    """Split a pattern at the colons outside variables (``${aws:userid}`` contains one)."""
    fields = [""]
    for part in re.split(r"(\$\{[^}]*\}|:)", pattern):
        if part == ":" and len(fields) < _ARN_FIELDS:
            fields.append("")
        else:
            fields[-1] += part
    return fields


def _parsed(variable: str) -> tuple[str, str | None]:
    found = _VARIABLE.fullmatch(variable)
    return (variable, None) if found is None else (found["key"], found["default"])


def _value(variable: str, context: Context) -> str:
    if variable in {"*", "?", "$"}:
        return variable
    key, default = _parsed(variable)
    values = context.get(key)
    if values is None:
        if default is None:
            raise AbsentVariableError(key)
        return default
    if len(values) != 1:  # IAM allows single-valued keys only
        raise UnknownKeyError(f"the policy variable ${{{key}}}, which has several values")
    return values[0]
