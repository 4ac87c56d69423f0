"""Checks a parsed request against the constraints of botocore's model: required members, bounds, enums and patterns.

The messages are AWS's. botocore's own validator does not check enums, patterns and upper bounds. moto's parsers check
nothing.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape


def member_path(path: str, name: str) -> str:
    """Return the path of a member, written as AWS does: ``networkConfiguration.subnetIds``."""
    lowered = name[:1].lower() + name[1:]
    return f"{path}.{lowered}" if path else lowered


def violations(shape: Shape, value: Any, path: str) -> Iterable[str]:
    """Yield AWS's message for each constraint that a value violates.

    Args:
        shape: The value's shape in the model.
        value: The parsed value.
        path: The value's path in the request, empty for the request itself.
    """
    constraints = shape.metadata
    shown = "***" if constraints.get("sensitive") else value
    if isinstance(shape, StructureShape):
        for name in shape.required_members:
            if name not in value:
                yield _violation(None, member_path(path, name), "Member must not be null")
        for name, item in value.items():
            yield from violations(shape.members[name], item, member_path(path, name))
    elif isinstance(shape, ListShape):
        yield from _bounds(len(value), shown, constraints, path, "length")
        for index, item in enumerate(value, 1):
            yield from violations(shape.member, item, f"{path}.{index}.member")
    elif isinstance(shape, MapShape):
        yield from _bounds(len(value), shown, constraints, path, "length")
        for key, item in value.items():
            yield from violations(shape.key, key, path)
            yield from violations(shape.value, item, f"{path}.{key}")
    elif shape.type_name == "string":
        yield from _bounds(len(value), shown, constraints, path, "length")
        if "enum" in constraints and value not in constraints["enum"]:
            yield _violation(shown, path, f"Member must satisfy enum value set: [{', '.join(constraints['enum'])}]")
        pattern = constraints.get("pattern")
        if pattern and not _compiled(pattern).fullmatch(value):
            yield _violation(shown, path, f"Member must satisfy regular expression pattern: {pattern}")
    elif shape.type_name == "blob":
        yield from _bounds(len(value), "***", constraints, path, "length")
    elif shape.type_name in {"integer", "long", "float", "double"}:
        yield from _bounds(value, shown, constraints, path, "value")


def _bounds(size: float, shown: Any, constraints: Mapping[str, Any], path: str, what: str) -> Iterable[str]:
    if "min" in constraints and size < constraints["min"]:
        yield _violation(shown, path, f"Member must have {what} greater than or equal to {constraints['min']}")
    if "max" in constraints and size > constraints["max"]:
        yield _violation(shown, path, f"Member must have {what} less than or equal to {constraints['max']}")


def _violation(shown: Any, path: str, constraint: str) -> str:
    text = "null" if shown is None else f"'{shown}'" if len(str(shown)) <= 100 else f"'{str(shown)[:100]}...'"
    return f"Value {text} at '{path}' failed to satisfy constraint: {constraint}"


# The members of \p{Z}, the separators, exclude control characters such as a line break, which \s would match.
_UNICODE_CLASSES = {
    r"\p{L}": r"\w",
    r"\p{N}": r"\d",
    r"\p{Z}": "\x20\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000",
}


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    r"""Compile a model's pattern, which has Java's syntax, for Python.

    Java reads the surrogate pairs from D800 DC00 to DBFF DFFF as one range of characters, and has \p classes. Its \d,
    \w and \s match ASCII only. \p{L} becomes \w, which also matches digits and _: the patterns with \p{L} allow both.

    Raises:
        re.error: The pattern uses other syntax that Python does not have.
    """
    translated = pattern.replace(r"\uD800\uDC00-\uDBFF\uDFFF", r"\U00010000-\U0010FFFF")
    for name, members in _UNICODE_CLASSES.items():
        translated = translated.replace(name, members)
    return re.compile(translated, re.NOFLAG if r"\p" in pattern else re.ASCII)
