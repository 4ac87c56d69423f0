"""Request rates that the exchange enforces, so that a client's politeness can be measured.

Off by default; switched in code or over HTTP (``PUT /exchange/_limits``)::

    {"limits": {"coinbase": {"requests_per_second": 10, "burst": 15}, "coingecko": {"requests_per_second": 0.5}}}

A source's requests are counted with a token bucket, as Coinbase describes its own limiter
(https://docs.cdp.coinbase.com/exchange/rest-api/rate-limits): it starts with ``burst`` tokens, each request takes one,
and they come back at the given rate. All clients of the exchange share it.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from local_exchange.api import Source

_HIGHEST_RATE = 1_000_000


class LimitError(ValueError):
    """What was asked for is no request limit; the message says why."""


@dataclass(frozen=True)
class RequestLimit:
    """How fast one source may be asked.

    Attributes:
        requests_per_second: The rate that is allowed in the long run; may be less than 1.
        burst: How many requests may come at once after a pause; None for as many as a second allows, at least one.
    """

    requests_per_second: float
    burst: int | None = None

    def __post_init__(self) -> None:
        rate, burst = self.requests_per_second, self.burst
        if not isinstance(rate, int | float) or isinstance(rate, bool) or not 0 < rate <= _HIGHEST_RATE:
            raise LimitError(f"requests_per_second is {rate!r}, it is a number above 0 and up to {_HIGHEST_RATE}")
        if burst is not None and (not isinstance(burst, int) or isinstance(burst, bool) or burst < 1):
            raise LimitError(f"burst is {burst!r}, it is a whole number from 1 or null")

    @property
    def capacity(self) -> int:
        """How many tokens the bucket holds."""
        return self.burst or max(1, int(self.requests_per_second))


class _Bucket:
    def __init__(self, limit: RequestLimit, at: float) -> None:
        self.limit = limit
        self.allowed = self.refused = 0
        self._tokens = float(limit.capacity)
        self._at = at

    def wait(self, at: float) -> float:
        """Take a token, or return for how many seconds there is none."""
        # A clock that is set back takes no tokens away.
        refilled = max(0.0, at - self._at) * self.limit.requests_per_second
        self._tokens = min(self.limit.capacity, self._tokens + refilled)
        self._at = at
        # Not quite a token is one: instants are rounded to microseconds, and a request may come exactly in time.
        if self._tokens > 1 - 1e-4:
            self._tokens = max(0.0, self._tokens - 1)
            self.allowed += 1
            return 0.0
        self.refused += 1
        return (1 - self._tokens) / self.limit.requests_per_second


class RequestLimits:
    """Which request comes too early. Safe to use from several threads.

    Args:
        now: The current instant.
        limits: How fast each source may be asked; a source without a limit always answers.
    """

    def __init__(self, now: Callable[[], datetime], limits: Mapping[Source, RequestLimit] | None = None) -> None:
        self._now = now
        self._lock = threading.Lock()
        self.replace(limits or {})

    def replace(self, limits: Mapping[Source, RequestLimit]) -> None:
        """Forget all limits and counts, and take these limits."""
        at = self._now().timestamp()
        with self._lock:
            self._buckets = {source: _Bucket(limit, at) for source, limit in limits.items()}

    def clear(self) -> None:
        """Forget all limits."""
        self.replace({})

    def replace_json(self, document: Any) -> None:
        """Forget all limits and take those of a JSON document, ``{"limits": {"binance": {…}}}``.

        Raises:
            LimitError: The document is wrong; nothing has changed.
        """
        limits = document.get("limits") if isinstance(document, dict) and set(document) == {"limits"} else None
        if not isinstance(limits, dict):
            raise LimitError('give an object: {"limits": {"binance": {"requests_per_second": 10}}}')
        unknown = sorted(set(limits) - set(Source))
        if unknown:
            raise LimitError(f"there is no source {', '.join(unknown)}; there are {', '.join(Source)}")
        self.replace({Source(source): _parse(limit) for source, limit in limits.items()})

    def as_json(self) -> dict[str, Any]:
        """Return the limits as JSON, each with how many requests it has ``allowed`` and ``refused``."""
        with self._lock:
            return {
                "limits": {
                    source: {**asdict(bucket.limit), "allowed": bucket.allowed, "refused": bucket.refused}
                    for source, bucket in self._buckets.items()
                }
            }

    def take(self, source: Source) -> int:
        """Count a request, and return 0 if it may pass, otherwise after how many whole seconds the next one may."""
        at = self._now().timestamp()
        with self._lock:
            bucket = self._buckets.get(source)
            return math.ceil(bucket.wait(at)) if bucket else 0


def _parse(document: Any) -> RequestLimit:
    if not isinstance(document, dict) or not {"requests_per_second"} <= set(document) <= {
        "requests_per_second",
        "burst",
    }:
        raise LimitError(f"a limit is an object with requests_per_second and, optionally, burst; this is {document!r}")
    return RequestLimit(**document)
