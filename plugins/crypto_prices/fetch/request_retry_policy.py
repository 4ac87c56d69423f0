"""The retry policy of one HTTP request."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class RequestRetryPolicy:
    """Limits the attempts and waits of one HTTP request.

    Attributes:
        max_attempts: Maximum number of attempts, including the first.
        deadline_seconds: Time limit for all attempts and waits, from the start of the first attempt.
        backoff_base_seconds: Longest wait after the first failed attempt. It doubles after every further failure.
        backoff_cap_seconds: Longest wait between two attempts without a Retry-After.
        max_retry_after_seconds: Longest Retry-After that a request waits for. A longer one fails the request
            immediately, because waiting would block a worker slot. The task's own retry comes later.
    """

    max_attempts: int = 6
    deadline_seconds: float = 300.0
    backoff_base_seconds: float = 1.0
    backoff_cap_seconds: float = 30.0
    max_retry_after_seconds: float = 120.0

    def __post_init__(self) -> None:
        if not 1 <= self.max_attempts <= 100:
            raise ValueError(f"max_attempts is {self.max_attempts}; it must be between 1 and 100")
        for name in ("deadline_seconds", "backoff_base_seconds", "backoff_cap_seconds", "max_retry_after_seconds"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} is {value}; it must be a positive number of seconds")

    def backoff_ceiling(self, attempt: int) -> float:
        """Return the longest wait in seconds after failed attempt ``attempt`` (from 1). Full jitter draws below it."""
        return min(self.backoff_cap_seconds, self.backoff_base_seconds * 2.0 ** (attempt - 1))
