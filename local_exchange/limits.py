"""Rate limits that the exchange enforces, so that tests can check that clients respect them.

They are off by default. Set them in code or over HTTP (``PUT /exchange/_limits``)::

    {"limits": {"coinbase": {"requests_per_second": 10, "burst": 15}, "coingecko": {"requests_per_second": 0.5}}}

Each source has a token bucket, as Coinbase describes its own limiter
(https://docs.cdp.coinbase.com/exchange/rest-api/rate-limits): it starts with ``burst`` tokens, each request takes one,
and it refills at the given rate. All clients of the exchange share the bucket.
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
    """The requested limit is invalid; the message contains the reason."""


@dataclass(frozen=True)
class RequestLimit:
    """The rate limit of one source.

    Attributes:
        requests_per_second: The sustained rate; may be less than 1.
        burst: Maximum number of requests in a burst after a pause; None for the requests of one second, at least one.
    """

    requests_per_second: float
    burst: int | None = None

    def __post_init__(self) -> None:
        rate, burst = self.requests_per_second, self.burst
        if not isinstance(rate, int | float) or isinstance(rate, bool) or not 0 < rate <= _HIGHEST_RATE:
            raise LimitError(f"requests_per_second is {rate!r}, expected a number above 0 and up to {_HIGHEST_RATE}")
        if burst is not None and (not isinstance(burst, int) or isinstance(burst, bool) or burst < 1):
            raise LimitError(f"burst is {burst!r}, expected a whole number of at least 1, or null")

    @property
    def capacity(self) -> int:
        """Maximum number of tokens in the bucket."""
        return self.burst or max(1, int(self.requests_per_second))


class _Bucket:
    def __init__(self, limit: RequestLimit, at: float) -> None:
        self.limit = limit
        self.allowed = self.refused = 0
        self._tokens = float(limit.capacity)
        self._at = at

    def wait(self, at: float) -> float:
        """Take a token and return 0, or return the seconds until the next token."""
        # If the clock is set back, no tokens are lost.
        refilled = max(0.0, at - self._at) * self.limit.requests_per_second
        self._tokens = min(self.limit.capacity, self._tokens + refilled)
        self._at = at
        # Accept slightly less than a token: times are rounded to microseconds, and requests may arrive exactly on time.
        if self._tokens > 1 - 1e-4:
            self._tokens = max(0.0, self._tokens - 1)
            self.allowed += 1
            return 0.0
        self.refused += 1
        return (1 - self._tokens) / self.limit.requests_per_second


class RequestLimits:
    """The rate limits of all sources. Thread-safe.

    Args:
        now: Returns the current time.
        limits: The limit of each source; sources without a limit accept every request.
    """

    def __init__(self, now: Callable[[], datetime], limits: Mapping[Source, RequestLimit] | None = None) -> None:
        self._now = now
        self._lock = threading.Lock()
        self.replace(limits or {})

    def replace(self, limits: Mapping[Source, RequestLimit]) -> None:
        """Replace all limits and reset the counts."""
        at = self._now().timestamp()
        with self._lock:
            self._buckets = {source: _Bucket(limit, at) for source, limit in limits.items()}

    def clear(self) -> None:
        """Remove all limits."""
        self.replace({})

    def replace_json(self, document: Any) -> None:
        """Replace all limits with those in a JSON document, ``{"limits": {"binance": {…}}}``.

        Raises:
            LimitError: The document is invalid; nothing has changed.
        """
        limits = document.get("limits") if isinstance(document, dict) and set(document) == {"limits"} else None
        if not isinstance(limits, dict):
            raise LimitError('expected an object such as {"limits": {"binance": {"requests_per_second": 10}}}')
        unknown = sorted(set(limits) - set(Source))
        if unknown:
            raise LimitError(f"unknown source {', '.join(unknown)}; known sources: {', '.join(Source)}")
        self.replace({Source(source): _parse(limit) for source, limit in limits.items()})

    def as_json(self) -> dict[str, Any]:
        """Return the limits as JSON, each with the number of requests that it ``allowed`` and ``refused``."""
        with self._lock:
            return {
                "limits": {
                    source: {**asdict(bucket.limit), "allowed": bucket.allowed, "refused": bucket.refused}
                    for source, bucket in self._buckets.items()
                }
            }

    def take(self, source: Source) -> int:
        """Count a request and return 0 if it is allowed, otherwise the whole seconds until the next one is."""
        at = self._now().timestamp()
        with self._lock:
            bucket = self._buckets.get(source)
            return math.ceil(bucket.wait(at)) if bucket else 0


def _parse(document: Any) -> RequestLimit:
    if not isinstance(document, dict) or not {"requests_per_second"} <= set(document) <= {
        "requests_per_second",
        "burst",
    }:
        raise LimitError(f"a limit must be an object with requests_per_second and, optionally, burst, not {document!r}")
    return RequestLimit(**document)
