"""The length of candle intervals such as "1h"."""

from __future__ import annotations

import re

from crypto_prices_etl.errors import CurationError

DAY_MS = 86_400_000
_UNIT_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": DAY_MS}


def interval_ms(candle_interval: str) -> int:
    """Return the length of a candle interval in milliseconds.

    Only intervals that divide a UTC day are supported: their grid starts at midnight, and each of their candles is
    within one day. Weeks and months are not.

    Raises:
        CurationError: The interval is unknown or does not divide a day.
    """
    match = re.fullmatch(r"([1-9]\d*)([smhd])", candle_interval)
    length = int(match[1]) * _UNIT_MS[match[2]] if match else 0
    if length == 0 or DAY_MS % length:
        raise CurationError(
            f"candle interval {candle_interval!r} does not divide a day: use one such as 1m, 15m, 1h or 1d"
        )
    return length
