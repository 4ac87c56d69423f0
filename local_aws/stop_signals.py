"""How a process of the laptop's AWS that runs until it is asked to stop learns that it is."""

from __future__ import annotations

import os
import signal


def stop_signals() -> int:
    """Return a file descriptor that can be read from once the process has been sent SIGINT or SIGTERM.

    A signal may reach any thread, and Python runs its handler when the main thread does its next step. Waiting for a
    lock is none: about every fifth stop was overlooked. What is written to a pipe wakes whoever reads.
    """
    asked, ask = os.pipe()
    os.set_blocking(ask, False)
    signal.set_wakeup_fd(ask)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    return asked
