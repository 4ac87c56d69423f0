"""The JSON parser of response bodies, which keeps numbers exactly as sent."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from crypto_prices.fetch.excerpt import excerpt

_LONGEST_NUMBER = 1000
"""Maximum number of characters of a number. Spark's JSON parser (Jackson) rejects a whole body with a longer one."""


def parse_json(body: bytes) -> Any:
    """Return the parsed body. Numbers with a fraction or an exponent are strings, exactly as sent.

    Raises:
        ValueError: The body is not UTF-8 or not JSON. NaN and Infinity are not JSON. Bodies that the Glue job cannot
            read, or would read differently, are rejected, too: bodies with a number of more than 1000 characters, or
            with the same name twice in one object.
    """

    def refuse_constant(constant: str) -> NoReturn:
        raise ValueError(f"it contains {constant}, which is not JSON")

    def number(text: str) -> str:
        if len(text) > _LONGEST_NUMBER:
            raise ValueError(f"it contains a number of {len(text)} characters")
        return text

    def unambiguous(members: list[tuple[str, Any]]) -> dict[str, Any]:
        document = dict(members)
        if len(document) < len(members):
            names = [name for name, _ in members]
            twice = next(name for name in document if names.count(name) > 1)
            raise ValueError(f'it contains "{excerpt(twice.encode("utf-8", "replace"))}" twice in one object')
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
