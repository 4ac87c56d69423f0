"""How fast a source may be asked: one budget that all requests of a fetch share, whichever thread makes them."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable


class RequestBudget:
    """Lets requests pass at an even pace. Safe to use from several threads.

    A request takes a place in the queue and waits for it. Places are handed out ``1 / requests_per_second`` apart and
    not from the end of the last wait, so a thread that wakes up late does not slow down the others.

    Args:
        requests_per_second: The pace; may be less than 1.
        monotonic: Seconds of a clock that never goes back.
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
            raise ValueError(f"requests_per_second is {requests_per_second}, it must be a positive number")
        self._spacing = 1 / requests_per_second
        self._monotonic = monotonic
        self._sleep = sleep
        self._lock = threading.Lock()
        self._next_at = -math.inf
        self._paused_until = -math.inf

    def wait_for_turn(self, deadline: float) -> bool:
        """Wait until a request may be made.

        Args:
            deadline: Instant of the monotonic clock that the turn has to come before.

        Returns:
            Whether the turn has come; False, at once, when it would only come after the deadline.
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
            # While this thread slept, another one was told to pause: its place is void, it queues again.

    def pause(self, seconds: float) -> None:
        """Let no request of any thread pass for some seconds: the source has asked for it."""
        with self._lock:
            self._paused_until = max(self._paused_until, self._monotonic() + seconds)

    def pause_left(self) -> float:
        """Return for how many seconds no request may pass yet; 0 when there is no pause."""
        with self._lock:
            return max(0.0, self._paused_until - self._monotonic())
