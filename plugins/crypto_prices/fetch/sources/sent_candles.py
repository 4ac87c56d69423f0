"""The candles in a response, as exact numbers, so that the audit can compare them with what is loaded.

The Glue job has the same rules (glue_scripts/crypto_prices_etl/). Only its candles are loaded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,4})?")


@dataclass(frozen=True)
class SentCandle:
    """A candle in a response.

    Attributes:
        opened_ms: Opening time in milliseconds since 1970, UTC.
        values: The numbers by column of the fact table. None where the exchange sent null.
    """

    opened_ms: int
    values: Mapping[str, Decimal | None]


def sent_candle(
    opened_ms: int | None, values: Mapping[str, Any], optional: frozenset[str] = frozenset()
) -> Iterator[SentCandle]:
    """Yield the candle of a record; nothing if the record is invalid, because the Glue job rejects such a record.

    Args:
        opened_ms: Opening time in milliseconds; None if the record has none.
        values: The sent values by column: numbers, or texts of numbers.
        optional: The columns that may be null.
    """
    numbers: dict[str, Decimal | None] = {}
    for column, value in values.items():
        number = _number(value)
        if number is None and not (value is None and column in optional):
            return
        numbers[column] = number
    if opened_ms is not None:
        yield SentCandle(opened_ms, numbers)


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value)
    return Decimal(text) if _NUMBER.fullmatch(text) else None
