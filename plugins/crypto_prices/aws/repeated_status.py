"""Keeps repeated status messages of the Amazon provider's waiters out of task logs."""

from __future__ import annotations

import logging
from contextvars import ContextVar

from airflow.providers.amazon.aws.utils import waiter_with_logging

_last_message: ContextVar[list[str] | None] = ContextVar("last_message", default=None)


class _OnlyChanges(logging.Filter):
    """Drops a message that equals the previous one of the same wait. Other waits of the process are not affected."""

    def filter(self, record: logging.LogRecord) -> bool:
        last = _last_message.get()
        if last is None:
            return True
        message = record.getMessage()
        is_new = last != [message]
        last[:] = [message]
        return is_new


_ONLY_CHANGES = _OnlyChanges()


def log_only_changes() -> None:
    """Log each status once in the current asyncio task, instead of once per poll.

    The provider's ``async_wait`` (9.34.0) logs the status after each poll, which is 1,800 lines for a Glue run of an
    hour. Each trigger runs in its own asyncio task, so the setting ends with the trigger.
    """
    # Adding a filter again does nothing.
    logging.getLogger(waiter_with_logging.__name__).addFilter(_ONLY_CHANGES)
    _last_message.set([])
