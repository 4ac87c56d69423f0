"""Turns SIGINT and SIGTERM into a readable file descriptor, for processes that run until they are asked to stop."""

from __future__ import annotations

import os
import signal


def stop_signals() -> int:
    """Return a file descriptor that becomes readable when the process receives SIGINT or SIGTERM.

    A signal may reach any thread, but Python runs its handler only when the main thread executes its next step. The
    main thread executes no step while it waits for a lock, and about every fifth stop was missed that way. A write to
    a pipe wakes its reader.
    """
    asked, ask = os.pipe()
    os.set_blocking(ask, False)
    signal.set_wakeup_fd(ask)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    return asked
