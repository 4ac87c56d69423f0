"""The names that the DAGs' templates and SQL files can use, such as ``settings()`` and ``batch(ti)``, and the filters.

Templates are rendered in the running task, where settings and the results of earlier tasks become arguments of the
Amazon provider's operators.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from crypto_prices_contract.window import Window
from jinja2 import pass_context
from jinja2.runtime import Context

from crypto_prices.aws.catalog import partition_expression
from crypto_prices.fetch.sources import get_source
from crypto_prices.settings import Settings, load_settings
from crypto_prices.sql_literals import sql_literal, sql_name
from crypto_prices.xcom import task_results
from crypto_prices.xcom.fetched_source import FetchedSource

_Value = TypeVar("_Value")


class TryCache:
    """Keeps what the templates of one task try have read.

    A task renders up to 75 macros, and each of them would otherwise read a secret or pull and check an XCom. Airflow
    makes a new task instance object for each try, so a retried or cleared task never sees the values of an earlier try.
    """

    def __init__(self) -> None:
        self._task_instance: Any = None
        self._values: dict[Callable[..., Any], Any] = {}

    def get(self, task_instance: Any, read: Callable[[], _Value], key: Callable[..., Any]) -> _Value:
        """Return the value of a key for a task try, reading it the first time.

        Args:
            task_instance: The task instance object of the try.
            read: Reads the value. If it raises, nothing is kept.
            key: What is read.
        """
        if task_instance is not self._task_instance:
            self._task_instance, self._values = task_instance, {}
        if key not in self._values:
            self._values[key] = read()
        value: _Value = self._values[key]
        return value


_TRY = TryCache()


@pass_context
def settings(context: Context) -> Settings:
    """Return the settings of this task try.

    Args:
        context: The template's context, which Jinja passes.
    """
    return _TRY.get(context["ti"], load_settings, load_settings)


def interval_seconds(fetched: FetchedSource) -> int:
    """Return the length of a source's candles in seconds."""
    return get_source(fetched.source).interval_length(fetched.candle_interval) // timedelta(seconds=1)


def expected_candles(fetched: FetchedSource, window: Window) -> int:
    """Return how many candles a market without interruption has in a window."""
    return (window.ends_at - window.starts_at) // timedelta(seconds=interval_seconds(fetched))


def _of_try(read: Callable[[Any], _Value]) -> Callable[[Any], _Value]:
    return lambda ti: _TRY.get(ti, lambda: read(ti), read)


MACROS: dict[str, Callable[..., Any]] = {
    "settings": settings,
    "window": _of_try(task_results.window),
    "fetched": _of_try(task_results.fetched),
    "batch": _of_try(task_results.batch),
    "report": _of_try(task_results.report),
    "interval_seconds": interval_seconds,
    "expected_candles": expected_candles,
    "partition_expression": partition_expression,
}
FILTERS: dict[str, Callable[..., str]] = {"literal": sql_literal, "name": sql_name}
