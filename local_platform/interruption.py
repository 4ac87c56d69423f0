"""Ends a command in an orderly way when its terminal closes or someone stops it."""

from __future__ import annotations

import signal

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def interrupt_on_stop_signals() -> None:
    """Let SIGTERM and SIGHUP raise KeyboardInterrupt as Ctrl-C does. Every further signal is ignored.

    The first signal starts the command's cleaning up, which a second Ctrl-C must not disturb.
    """
    for number in _SIGNALS:
        signal.signal(number, _interrupt)


def ignore_stop_signals() -> None:
    """Ignore these signals from now on, because the command is cleaning up and about to end."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _interrupt(*_: object) -> None:
    ignore_stop_signals()
    raise KeyboardInterrupt
