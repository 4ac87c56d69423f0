"""The two families of source errors.

Fatal: the same request would fail again, so retrying the task is pointless. Retryable: the request may succeed later,
but this process has already used up its attempts.
"""

from __future__ import annotations


class SourceError(Exception):
    """A request to a source failed.

    Args:
        problem: What is wrong.
        advice: What to do about it.
        url: URL of the request, with secrets already redacted. None if no request was sent.
        status: HTTP status of the response, if there was one.
        exchange_code: The exchange's own error code, such as ``-1121``, if the response has one.
        retry_after_seconds: Wait that the source requests, in seconds, if it requests one.
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
        # Airflow passes exceptions between processes, and pickle rebuilds them from args. So args needs every value.
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
    """The same request would fail again: a rejected request, an unknown symbol, or a response in an unknown format."""


class MarketSettingsError(FatalSourceError):
    """The settings name a market that the exchange does not list, or contradict what it says about the market."""


class RetryableSourceError(SourceError):
    """The request may succeed later: the attempts are used up, or the source requests a longer wait than allowed."""
