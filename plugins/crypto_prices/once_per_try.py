"""A cache for values that many templates of a task try need.

The templates of one task use up to 75 values from earlier tasks and from the settings. Without the cache, each of them
would read a secret, or pull and check an XCom.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

_Value = TypeVar("_Value")


class _Try:
    """The values that the current try has read. A process runs one task try at a time."""

    task_instance: Any = None
    values: dict[Callable[[Any], Any], Any] = {}  # noqa: RUF012 - replaced with each try


def once_per_try(read: Callable[[Any], _Value]) -> Callable[[Any], _Value]:
    """Return a function that calls ``read`` only once per task try.

    Airflow creates a new task instance object for each try, so a retried or cleared task never sees the values of an
    earlier try. If ``read`` raises, nothing is cached.

    Args:
        read: Returns the value, given the task instance.
    """

    @functools.wraps(read)
    def kept(task_instance: Any) -> _Value:
        if task_instance is not _Try.task_instance:
            _Try.task_instance, _Try.values = task_instance, {}
        if read not in _Try.values:
            _Try.values[read] = read(task_instance)
        value: _Value = _Try.values[read]
        return value

    return kept
