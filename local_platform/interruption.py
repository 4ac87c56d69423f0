"""Lets a command clean up when it is stopped or its terminal closes."""

from __future__ import annotations

import signal

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def interrupt_on_stop_signals() -> None:
    """Raise KeyboardInterrupt on SIGTERM and SIGHUP, as Ctrl-C does. Ignore later signals.

    The first signal starts the cleanup of the command, which a second Ctrl-C must not interrupt.
    """
    for number in _SIGNALS:
        signal.signal(number, _interrupt)


def ignore_stop_signals() -> None:
    """Ignore these signals from now on, because the command is cleaning up."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _interrupt(*_: object) -> None:
    ignore_stop_signals()
    raise KeyboardInterrupt
