"""The two families of errors of a source.

Fatal: the same request would fail again, so a retry of the task is pointless. Retryable: the source may answer later,
and this process has already tried as often as it may.
"""

from __future__ import annotations


class SourceError(Exception):
    """A source did not give what it was asked for.

    Args:
        problem: What was wrong.
        advice: What to do about it.
        url: The request, secrets already redacted; None when no request was made.
        status: HTTP status of the answer, if there was one.
        exchange_code: The exchange's own error code, such as ``-1121``, if it gave one.
        retry_after_seconds: How long the source asks to wait, if it does.
    """

    def __init__(
        self,
        problem: str,
        advice: str,
        url: str | None = None,
        status: int | None = None,
        exchange_code: int | str | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        # All of it goes to args: Airflow passes exceptions between processes, and pickle rebuilds them from args.
        super().__init__(problem, advice, url, status, exchange_code, retry_after_seconds)
        self.problem = problem
        self.advice = advice
        self.url = url
        self.status = status
        self.exchange_code = exchange_code
        self.retry_after_seconds = retry_after_seconds

    def __str__(self) -> str:
        request = f" (GET {self.url})" if self.url else ""
        return f"{self.problem}{request}. {self.advice}"


class FatalSourceError(SourceError):
    """The same request would fail again: a refused request, an unknown symbol, an answer that breaks the contract."""


class RetryableSourceError(SourceError):
    """The source may answer later: this process has used up its tries, or was asked to pause longer than it may."""
