"""The end of a failed try's log: three lines with what is wrong, where, and what to do.

Airflow calls these callbacks after it has logged the traceback (``finalize`` in airflow/sdk/execution_time/
task_runner.py, 3.3.1). Everything after the traceback is in the log group *Post Execute*, which the UI shows collapsed.
So the group is closed first:
https://airflow.apache.org/docs/apache-airflow/stable/administration-and-deployment/logging-monitoring/logging-tasks.html#grouping-of-log-lines
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urljoin

from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException
from airflow.sdk.exceptions import AirflowRuntimeError
from crypto_prices_contract.error_codes import ERROR_CODES, REMEDIES

from crypto_prices.error_code_of import error_code_of
from crypto_prices.fetch.errors import SourceError
from crypto_prices.settings import DEFAULT_RUNBOOK_URL, SettingsError, settings_of_try
from crypto_prices.task_retry_policy import TaskRetryPolicy

_LONGEST_MESSAGE = 3000
"""Long enough for our own messages, which end with what a user needs: the quarantine, or the params of another run."""

_OWN_PACKAGE = __name__.partition(".")[0]

_log = logging.getLogger(__name__)


def log_failure(context: Any) -> None:
    """Log what is wrong, where, and what to do. An ``on_failure_callback``, for a task that is not tried again.

    Args:
        context: The context of the failed try. ``exception`` is the error, or a text if the worker was killed.
    """
    ti, error = context["ti"], context.get("exception")
    # Before the three lines, because botocore logs lines when it reads a secret.
    runbook_url = _runbook_url(ti)
    _log.info("::endgroup::")
    _log.error("What: %s", what_is_wrong(error))
    _log.error("Where: %s", where(context))
    _log.error("What to do: %s", what_to_do(error, ti.task_id, runbook_url))


def log_retry(context: Any) -> None:
    """Log why the task waits for another try, and for how long. An ``on_retry_callback``.

    Args:
        context: The context of the failed try.
    """
    ti, error = context["ti"], context.get("exception")
    if not isinstance(error, BaseException):
        return  # the worker was killed, so this is not its log
    decision = TaskRetryPolicy().evaluate(error, ti.try_number, ti.max_tries, context)
    if decision.reason:
        _log.info("::endgroup::")
        _log.warning("Waiting for another try: %s", decision.reason)


def what_is_wrong(error: BaseException | str | None) -> str:
    """Return the beginning of an error's message on one line, after the meaning of its code if it has one."""
    if not isinstance(error, BaseException):
        return _one_line(error or "") or "the task ended without an error message"
    code = error_code_of(error)
    meaning = f"{code} {ERROR_CODES[code]} " if code else ""
    message = _one_line(str(error))
    kind = type(error)
    # The class of our own errors adds nothing to their messages.
    if kind.__module__.partition(".")[0] != _OWN_PACKAGE and kind not in (AirflowException, AirflowFailException):
        message = f"{kind.__name__}: {message}" if message else kind.__name__
    return f"{meaning}{message}".strip()


def where(context: Mapping[str, Any]) -> str:
    """Return the task, the run, its days and the try."""
    ti = context["ti"]
    mapped = f" [{ti.map_index}]" if ti.map_index is not None and ti.map_index >= 0 else ""
    days = _days(context.get("params") or {}, context["dag_run"])
    return (
        f"task {ti.task_id}{mapped} of {ti.dag_id}{f', {days}' if days else ''}, run {ti.run_id}, try {ti.try_number}"
    )


def what_to_do(error: BaseException | str | None, task_id: str, runbook_url: str) -> str:
    """Return the remedy and the link to the place in the runbook that explains it.

    Args:
        error: The error.
        task_id: The task, whose section of the runbook lists its other failures.
        runbook_url: URL of docs/how-to/troubleshoot.md.
    """
    code = error_code_of(error) if isinstance(error, BaseException) else None
    if code:
        page = urljoin(runbook_url, "../reference/error-codes.md")
        return f"{REMEDIES[code]}. See {page}#{code.lower()}"
    advice = next((cause.advice for cause in _causes(error) if isinstance(cause, SourceError)), None)
    place = f"{runbook_url}#{task_id}"
    return f"{advice.rstrip('.')}. See {place}" if advice else f"find the message in {place}"


def _causes(error: BaseException | str | None) -> Iterator[BaseException]:
    while isinstance(error, BaseException):
        yield error
        error = error.__cause__


def _days(params: Mapping[str, Any], dag_run: Any) -> str | None:
    if params.get("start") and params.get("end"):
        return f"days [{params['start']}, {params['end']})"
    if "day" not in params:
        return None
    day = params["day"] or (dag_run.logical_date and dag_run.logical_date.date().isoformat())
    return f"day {day}" if day else None


def _one_line(message: str) -> str:
    line = " ".join(message.split())
    return line if len(line) <= _LONGEST_MESSAGE else f"{line[:_LONGEST_MESSAGE]}…"


def _runbook_url(ti: Any) -> str:
    try:
        return settings_of_try(ti).runbook_url
    except (SettingsError, AirflowRuntimeError):
        return DEFAULT_RUNBOOK_URL
