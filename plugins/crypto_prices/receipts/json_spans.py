"""The places of values in a JSON text. Python's own decoder finds their ends, so each text stays as it is."""

from __future__ import annotations

import json
import re
from typing import NamedTuple, NoReturn

_BLANKS = re.compile(r"[ \t\n\r]*")


class Span(NamedTuple):
    """A part of a text.

    Attributes:
        start: Index of its first character.
        end: Index after its last character.
    """

    start: int
    end: int

    def of(self, text: str) -> str:
        """Return the part of a text."""
        return text[self.start : self.end]


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


# Numbers stay texts, because Python refuses to convert very long ones.
_DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=_refuse)


def document(text: str) -> Span | None:
    """Return the place of the one value in a text; None if the text is not exactly one JSON value."""
    start = _after_blanks(text, 0)
    end = _end(text, start)
    return None if end is None or _after_blanks(text, end) != len(text) else Span(start, end)


def elements(text: str, array: Span) -> list[Span] | None:
    """Return the places of an array's elements; None if the value is not an array."""
    if text[array.start] != "[":
        return None
    return [value for _, value in _parts(text, array, named=False)]


def members(text: str, value: Span) -> dict[str, Span] | None:
    """Return the places of an object's values by name, without names that it has more than once.

    The result is None if the value is not an object. A name is taken as it is written: one with escapes is another
    name.
    """
    if text[value.start] != "{":
        return None
    found: dict[str, Span] = {}
    repeated: set[str] = set()
    for name, place in _parts(text, value, named=True):
        repeated |= {name} & found.keys()
        found[name] = place
    return {name: place for name, place in found.items() if name not in repeated}


def scalar(text: str | None) -> str | None:
    """Return a string without its quotes, or any other value's text unchanged; None for null and for no value."""
    if text is None or text == "null":
        return None
    return str(json.loads(text)) if text.startswith('"') else text


def _parts(text: str, value: Span, *, named: bool) -> list[tuple[str, Span]]:
    """Return the names and places of the parts of an array or object that the decoder has accepted as a whole."""
    parts: list[tuple[str, Span]] = []
    at = _after_blanks(text, value.start + 1)
    while at < value.end - 1:
        name = ""
        if named:
            name_end = _end(text, at) or value.end
            name = text[at + 1 : name_end - 1]
            at = _after_blanks(text, _after_blanks(text, name_end) + 1)
        end = _end(text, at) or value.end
        parts.append((name, Span(at, end)))
        at = _after_blanks(text, _after_blanks(text, end) + 1)
    return parts


def _end(text: str, start: int) -> int | None:
    try:
        return _DECODER.raw_decode(text, start)[1]
    except (ValueError, RecursionError):
        return None


def _after_blanks(text: str, start: int) -> int:
    found = _BLANKS.match(text, start)
    return start if found is None else found.end()
