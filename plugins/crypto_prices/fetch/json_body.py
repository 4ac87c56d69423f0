"""Parsing a response body as JSON without changing its numbers."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from crypto_prices.fetch.excerpt import excerpt

_LONGEST_NUMBER = 1000
"""Most characters of a number. Spark's JSON parser (Jackson) rejects a whole body because of a longer one."""


def parse_json(body: bytes) -> Any:
    """Return the parsed body; fractions stay the strings that were sent.

    Raises:
        ValueError: It is not UTF-8, not JSON, holds NaN or Infinity, which JSON does not have, or what the Glue job
            could not read or would read in another way: a number longer than any market's, a name twice in an object.
    """

    def refuse_constant(constant: str) -> NoReturn:
        raise ValueError(f"it holds {constant}, which is not JSON")

    def number(text: str) -> str:
        if len(text) > _LONGEST_NUMBER:
            raise ValueError(f"it holds a number of {len(text)} characters")
        return text

    def unambiguous(members: list[tuple[str, Any]]) -> dict[str, Any]:
        document = dict(members)
        if len(document) < len(members):
            names = [name for name, _ in members]
            twice = next(name for name in document if names.count(name) > 1)
            raise ValueError(f'it holds "{excerpt(twice.encode("utf-8", "replace"))}" twice in one object')
        return document

    try:
        return json.loads(
            body.decode("utf-8"),
            parse_float=number,
            parse_int=lambda text: int(number(text)),
            parse_constant=refuse_constant,
            object_pairs_hook=unambiguous,
        )
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
