"""The HTTP client of all sources. It limits time, attempts and body size, and respects rate limits.

Retries use tenacity, because it is part of MWAA's image.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from tenacity import RetryCallState, Retrying, retry_if_exception

from crypto_prices.fetch.errors import FatalSourceError, RetryableSourceError, SourceError
from crypto_prices.fetch.excerpt import excerpt
from crypto_prices.fetch.failures import (
    RATE_LIMIT_STATUSES,
    TRY_LATER,
    ErrorRules,
    Failure,
    judge_answer,
    judge_document,
    judge_exception,
)
from crypto_prices.fetch.json_body import parse_json
from crypto_prices.fetch.redaction import redact_text, redact_url, secret_values
from crypto_prices.fetch.request_budget import RequestBudget
from crypto_prices.fetch.request_retry_policy import RequestRetryPolicy

log = logging.getLogger(__name__)

USER_AGENT = "crypto-prices/1 (+python-requests)"

_CHUNK_BYTES = 64 * 1024
_LONGEST_ERROR_BODY = 64 * 1024
_MAX_REDIRECTS = 3


@dataclass(frozen=True)
class Response:
    """A successful response.

    Attributes:
        url: URL of the request, with secrets redacted.
        status: HTTP status.
        body: The body as sent, after content decoding (gzip) only.
        fetched_at: When the body was complete, UTC.
        json: The parsed body. Numbers with a fraction or an exponent are strings, so that no price becomes a float.
    """

    url: str
    status: int
    body: bytes
    fetched_at: datetime
    json: Any


class HttpClient:
    """Fetches JSON over HTTP. Safe to use from several threads. Use it as a context manager to close its connections.

    Args:
        budget: Pace of the requests. Every attempt waits for it. None sets no limit.
        pause_seconds: Returns the pause before the next request, given a response's headers and time. See
            ``Source.pause_seconds``.
        error_rules: The meaning of the source's error responses. See ``Source.error_rules``.
        max_connections: Maximum number of concurrent requests. Their connections are kept open and reused.
        retry_policy: Number of attempts and waits of a request.
        connect_timeout_seconds: Longest wait for a connection.
        read_timeout_seconds: Longest wait for the next bytes of a response. The policy's deadline bounds the total.
        max_body_bytes: Maximum size of a body, after content decoding.
        sleep: Waits the given seconds.
        monotonic: Seconds of a clock that never goes backwards, for deadlines.
        now: The current time, UTC, for ``fetched_at`` and Retry-After dates.
        rng: Generates the jitter.
    """

    def __init__(
        self,
        *,
        budget: RequestBudget | None = None,
        pause_seconds: Callable[[Mapping[str, str], datetime], float] | None = None,
        error_rules: ErrorRules | None = None,
        max_connections: int = 1,
        retry_policy: RequestRetryPolicy | None = None,
        connect_timeout_seconds: float = 5.0,
        read_timeout_seconds: float = 30.0,
        max_body_bytes: int = 16 * 1024 * 1024,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        rng: random.Random | None = None,
    ) -> None:
        self._budget = budget
        self._pause_seconds = pause_seconds
        self._error_rules = error_rules or ErrorRules()
        self._policy = retry_policy or RequestRetryPolicy()
        self._connect_timeout = connect_timeout_seconds
        self._read_timeout = read_timeout_seconds
        self._max_body_bytes = max_body_bytes
        self._sleep = sleep
        self._monotonic = monotonic
        self._now = now
        self._rng = rng or random.SystemRandom()
        self._session = _Session()
        # Threads share the session. A cookie that one of them receives must not change the requests of the others.
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=max_connections)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        # Only encodings of the standard library, so that requests do not depend on which packages are installed.
        self._session.headers.update(
            {"User-Agent": USER_AGENT, "Accept": "application/json", "Accept-Encoding": "gzip, deflate"}
        )

    def __enter__(self) -> HttpClient:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def get_json(
        self, url: str, *, params: Mapping[str, str | int] | None = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Return the response to a GET request, after as many attempts as the policy allows.

        Args:
            url: http or https URL.
            params: Query parameters, added to the URL.
            headers: Headers of this request.

        Raises:
            FatalSourceError: The same request would fail again.
            RetryableSourceError: The attempts are used up, or the source requests a longer wait than allowed.
        """
        request = _Request.prepare(url, params, headers)
        deadline = self._monotonic() + self._policy.deadline_seconds
        retrying = Retrying(
            retry=retry_if_exception(lambda error: isinstance(error, _FailedTry) and error.failure.retry_now),
            wait=self._wait_seconds,
            stop=lambda state: self._stops(state, deadline),
            before_sleep=lambda state: self._log_retry(state, request),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return retrying(self._try_once, request, deadline)
        except _FailedTry as failed:
            failure = failed.failure
        # Raised outside the except block: the exceptions of requests show the whole URL and must not be chained.
        raise _source_error(failure, request, int(retrying.statistics.get("attempt_number", 1)))

    def _wait_seconds(self, state: RetryCallState) -> float:
        failure = _failure_of(state)
        # A Retry-After of zero, or a date in the past, means no pause. An immediate retry would hit the limit again.
        wait = failure.retry_after_seconds or self._rng.uniform(0.0, self._policy.backoff_ceiling(state.attempt_number))
        if self._budget is not None and failure.status in RATE_LIMIT_STATUSES:
            # The limit applies to the whole IP address: requests of the other threads would only prolong it.
            self._budget.pause(wait)
        return wait

    def _stops(self, state: RetryCallState, deadline: float) -> bool:
        over_deadline = self._monotonic() + state.upcoming_sleep >= deadline
        return state.attempt_number >= self._policy.max_attempts or over_deadline

    def _log_retry(self, state: RetryCallState, request: _Request) -> None:
        log.warning(
            "Attempt %d of %d failed: %s. Retrying in %.1f s (GET %s)",
            state.attempt_number,
            self._policy.max_attempts,
            redact_text(_failure_of(state).problem, request.secrets),
            state.upcoming_sleep,
            request.shown,
        )

    def _try_once(self, request: _Request, deadline: float) -> Response:
        url = request.url
        for _ in range(1 + _MAX_REDIRECTS):
            self._wait_for_turn(deadline)
            status, headers, body = self._exchange(url, request, deadline)
            if self._budget is not None and self._pause_seconds is not None:
                pause = self._pause_seconds(headers, self._now())
                if pause > 0:
                    self._budget.pause(pause)
            if not (300 <= status < 400 and "Location" in headers):
                break
            url = _redirect_target(url, headers["Location"])
        else:
            raise _FailedTry(
                Failure(
                    f"the source redirected more than {_MAX_REDIRECTS} times",
                    "Set api_url to the final address of the redirects",
                    retryable=False,
                    retry_now=False,
                    status=status,
                )
            )
        failure = judge_answer(status, headers, body, now=self._now(), policy=self._policy, rules=self._error_rules)
        if failure:
            if self._budget is not None and not failure.retry_now and failure.retry_after_seconds:
                self._budget.pause(failure.retry_after_seconds)
            raise _FailedTry(failure)
        fetched_at = self._now()
        try:
            parsed = parse_json(body)
        except ValueError as error:
            raise _FailedTry(
                Failure(
                    f"the body is not JSON ({error}); it starts with {excerpt(body)!r}",
                    f"{TRY_LATER}. If it fails again, open the URL: api_url may be a web page instead of the API",
                    retryable=True,
                    retry_now=True,
                    status=status,
                )
            ) from None
        failure = judge_document(status, parsed, self._error_rules)
        if failure:
            raise _FailedTry(failure)
        return Response(redact_url(url), status, body, fetched_at, parsed)

    def _wait_for_turn(self, deadline: float) -> None:
        if self._budget is not None and not self._budget.wait_for_turn(deadline):
            raise _FailedTry(
                Failure(
                    f"the request cannot be sent within {self._policy.deadline_seconds:.0f} s",
                    "The source requested a pause, or requests_per_second in its settings is too small",
                    retryable=True,
                    retry_now=False,
                    # The task waits as long as the source requests, whichever thread fails first.
                    retry_after_seconds=self._budget.pause_left() or None,
                )
            )

    def _exchange(self, url: str, request: _Request, deadline: float) -> tuple[int, Mapping[str, str], bytes]:
        """Send one request and return status, headers and body. Of an error's body, only the beginning is read."""
        remaining = max(0.001, deadline - self._monotonic())
        timeout = (min(self._connect_timeout, remaining), min(self._read_timeout, remaining))
        try:
            with self._session.get(
                url, headers=dict(request.headers), timeout=timeout, stream=True, allow_redirects=False
            ) as answer:
                is_success = 200 <= answer.status_code < 300
                body = self._read_body(answer.raw, deadline) if is_success else self._read_error(answer.raw, deadline)
                return answer.status_code, answer.headers, body
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise _FailedTry(judge_exception(error)) from error

    def _read_body(self, raw: urllib3.HTTPResponse, deadline: float) -> bytes:
        body = bytearray()
        # read1 returns what has arrived. read would block until a chunk is full, so a slow body could exceed the
        # deadline unnoticed. Decoding is limited per call, too, so a decompression bomb is found before memory is full.
        while chunk := raw.read1(_CHUNK_BYTES, decode_content=True):
            body += chunk
            if len(body) > self._max_body_bytes:
                raise _FailedTry(
                    Failure(
                        f"the decoded body is longer than {self._max_body_bytes} bytes",
                        "No page of candles is that long: check that api_url is the exchange's API, and raise "
                        "max_body_bytes only if it is",
                        retryable=False,
                        retry_now=False,
                    )
                )
            if self._monotonic() >= deadline:
                raise urllib3.exceptions.TimeoutError("the body is not complete at the deadline")
        return bytes(body)

    def _read_error(self, raw: urllib3.HTTPResponse, deadline: float) -> bytes:
        """Return the beginning of an error's body: what fits into a message and arrives before the deadline."""
        body = bytearray()
        # The status is what matters; an incomplete error page must not hide it.
        with suppress(urllib3.exceptions.HTTPError):
            while len(body) < _LONGEST_ERROR_BODY and (chunk := raw.read1(_CHUNK_BYTES, decode_content=True)):
                body += chunk
                if self._monotonic() >= deadline:
                    break
        return bytes(body)


class _Session(requests.Session):
    """A session that ignores redirects completely.

    With ``allow_redirects=False``, requests still prepares the next request. It reads the whole body of the redirect,
    however long, and raises its own errors about the address.
    """

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return None; ``_redirect_target`` checks the address."""


class _FailedTry(Exception):  # noqa: N818 - never leaves this module
    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.problem)
        self.failure = failure


@dataclass(frozen=True)
class _Request:
    url: str
    headers: Mapping[str, str]
    shown: str
    secrets: frozenset[str]

    @classmethod
    def prepare(cls, url: str, params: Mapping[str, str | int] | None, headers: Mapping[str, str] | None) -> _Request:
        sent = dict(headers or {})
        try:
            whole = requests.Request("GET", url, params=dict(params or {})).prepare().url or ""
            if urlsplit(whole).scheme not in ("http", "https"):
                raise ValueError("its scheme is neither http nor https")
            return cls(whole, sent, redact_url(whole), secret_values(whole, sent))
        except ValueError as error:  # requests' own exceptions for bad addresses are ValueErrors too
            reason = redact_text(str(error), [url])
        raise FatalSourceError(f"the source's address is invalid: {reason}", "Check the api_url in the settings")


def _failure_of(state: RetryCallState) -> Failure:
    error = state.outcome.exception() if state.outcome else None
    assert isinstance(error, _FailedTry)  # noqa: S101 - tenacity waits only after a failed attempt
    return error.failure


def _source_error(failure: Failure, request: _Request, attempts: int) -> SourceError:
    family = RetryableSourceError if failure.retryable else FatalSourceError
    tries = f" (gave up after attempt {attempts})" if failure.retryable else ""
    problem = redact_text(failure.problem, request.secrets) + tries
    return family(
        problem, failure.advice, request.shown, failure.status, failure.exchange_code, failure.retry_after_seconds
    )


def _redirect_target(url: str, location: str) -> str:
    try:
        target = urljoin(url, location)
        here, there = urlsplit(url), urlsplit(target)
    except ValueError as error:
        raise _FailedTry(
            Failure(
                f"the source redirects to an invalid address ({error})",
                "Check that api_url is the exchange's API",
                retryable=False,
                retry_now=False,
            )
        ) from None
    if (here.scheme, here.netloc) != (there.scheme, there.netloc):
        # Another host would receive the request's API key, and its responses would be recorded as the exchange's.
        raise _FailedTry(
            Failure(
                f"the source redirects to another host, {redact_url(target)}",
                "Redirects to other hosts are not followed: if that host is the right one, set api_url to it",
                retryable=False,
                retry_now=False,
            )
        )
    return target
