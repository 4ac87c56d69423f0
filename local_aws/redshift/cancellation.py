"""Cancels the statements of a connection, on request or when one takes too long."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any

import psycopg

_CANCEL_EVERY_SECONDS = 0.05


class Cancellation:
    """Cancels what one connection runs between ``attach`` and ``release``. Safe for use by many threads.

    Attributes:
        requested: Whether ``cancel`` was called.
        overran: Whether a statement exceeded its time limit.
    """

    def __init__(self) -> None:
        self.requested = False
        self.overran = False
        self._lock = threading.Lock()
        self._connection: psycopg.Connection[Any] | None = None

    def attach(self, connection: psycopg.Connection[Any]) -> bool:
        """Begin to cancel on this connection. Return False if ``cancel`` was called before."""
        with self._lock:
            if not self.requested:
                self._connection = connection
            return not self.requested

    def release(self) -> bool:
        """Let everything that follows run to its end. Return False if ``cancel`` was called before."""
        with self._lock:
            self._connection = None
            return not self.requested

    def cancel(self) -> None:
        """Cancel the statement that runs, and those that follow until ``release``."""
        with self._lock:
            self.requested = True
        threading.Thread(target=self._keep_cancelling, name="redshift-cancel", daemon=True).start()

    def stops(self) -> bool:
        """Return whether the statement must end."""
        return self.requested or self.overran

    @contextlib.contextmanager
    def time_limit(self, seconds: float) -> Iterator[None]:
        """Cancel PostgreSQL's work when it takes longer. Then ``overran`` is set."""
        ended = threading.Event()
        timer = threading.Timer(seconds, self._keep_cancelling, [ended])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            with self._lock:
                ended.set()

    def _keep_cancelling(self, ended: threading.Event | None = None) -> None:
        # A cancel that reaches PostgreSQL between two statements does not affect the statement that is sent next.
        while True:
            with self._lock:
                # Either the run has not started, or it is too late, or the slow statement has ended and no other
                # statement must be cancelled.
                if self._connection is None or (ended is not None and ended.is_set()):
                    return
                self.overran |= ended is not None
                with contextlib.suppress(psycopg.Error):
                    self._connection.cancel_safe(timeout=5)
            time.sleep(_CANCEL_EVERY_SECONDS)
