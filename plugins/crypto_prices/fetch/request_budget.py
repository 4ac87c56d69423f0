"""The request rate limit of a source, shared by all threads of a fetch."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable


class RequestBudget:
    """Spaces requests evenly. Safe to use from several threads.

    A request reserves a time slot and waits for it. Slots are ``1 / requests_per_second`` seconds apart. They do not
    depend on when the last wait ended, so a thread that wakes up late does not slow down the others.

    Args:
        requests_per_second: The pace. It may be less than 1.
        monotonic: Seconds of a clock that never goes backwards.
        sleep: Waits the given seconds.

    Raises:
        ValueError: The pace is not a positive number.
    """

    def __init__(
        self,
        requests_per_second: float,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not (math.isfinite(requests_per_second) and requests_per_second > 0):
            raise ValueError(f"requests_per_second is {requests_per_second}; it must be a positive number")
        self._spacing = 1 / requests_per_second
        self._monotonic = monotonic
        self._sleep = sleep
        self._lock = threading.Lock()
        self._next_at = -math.inf
        self._paused_until = -math.inf

    def wait_for_turn(self, deadline: float) -> bool:
        """Wait until a request may be sent.

        Args:
            deadline: Latest time to send the request, on the monotonic clock.

        Returns:
            True once the request may be sent. False, without waiting, if its slot is not before the deadline.
        """
        while True:
            with self._lock:
                now = self._monotonic()
                turn = max(now, self._next_at, self._paused_until)
                if turn >= deadline:
                    return False
                self._next_at = turn + self._spacing
            if turn > now:
                self._sleep(turn - now)
            with self._lock:
                if self._paused_until <= turn:
                    return True
            # Another thread was told to pause while this one slept. The slot is void, so reserve another one.

    def pause(self, seconds: float) -> None:
        """Hold back the requests of all threads for the given seconds, as the source requests."""
        with self._lock:
            self._paused_until = max(self._paused_until, self._monotonic() + seconds)

    def pause_left(self) -> float:
        """Return the remaining seconds of the pause; 0 if there is none."""
        with self._lock:
            return max(0.0, self._paused_until - self._monotonic())
