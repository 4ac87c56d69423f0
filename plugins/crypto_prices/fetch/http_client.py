"""The HTTP client of all sources: bounded in time, tries and size, and polite to rate limits.

tenacity runs the tries, because it is part of MWAA's image.
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
from crypto_prices.fetch.failures import RATE_LIMIT_STATUSES, TRY_LATER, Failure, judge_answer, judge_exception
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
    """A successful answer.

    Attributes:
        url: The request that was answered, secrets redacted.
        status: HTTP status.
        body: The body as it was sent, after content decoding (gzip) and nothing else.
        fetched_at: When the body was complete, UTC.
        json: The parsed body. Numbers with a fraction or an exponent are strings, so that no price becomes a float.
    """

    url: str
    status: int
    body: bytes
    fetched_at: datetime
    json: Any


class HttpClient:
    """Fetches JSON over HTTP. Safe to use from several threads; use it as a context manager to close its connections.

    Args:
        budget: How fast the source may be asked; every try takes its turn. None for as fast as it answers.
        pause_seconds: Tells from an answer's headers and its time how long no request should follow; see
            ``Source.pause_seconds``.
        max_connections: Most requests at once; their connections are kept and used again.
        retry_policy: How often and how long a request is tried.
        connect_timeout_seconds: Longest wait for a connection.
        read_timeout_seconds: Longest silence while the answer is read; the policy's deadline bounds the whole.
        max_body_bytes: Longest body that is taken, after content decoding.
        sleep: Waits the given seconds.
        monotonic: Seconds of a clock that never goes back, for deadlines.
        now: The current instant, UTC, for ``fetched_at`` and Retry-After dates.
        rng: Draws the jitter.
    """

    def __init__(
        self,
        *,
        budget: RequestBudget | None = None,
        pause_seconds: Callable[[Mapping[str, str], datetime], float] | None = None,
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
        self._policy = retry_policy or RequestRetryPolicy()
        self._connect_timeout = connect_timeout_seconds
        self._read_timeout = read_timeout_seconds
        self._max_body_bytes = max_body_bytes
        self._sleep = sleep
        self._monotonic = monotonic
        self._now = now
        self._rng = rng or random.SystemRandom()
        self._session = _Session()
        # Threads share the session: a cookie that one of them gets must not change what the others send.
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=max_connections)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        # Only encodings of the standard library: what is asked for must not depend on which packages are installed.
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
        """Return the answer to a GET request, after as many tries as the policy allows.

        Args:
            url: http or https address.
            params: Query parameters, added to the address.
            headers: Headers of this request.

        Raises:
            FatalSourceError: The same request would fail again.
            RetryableSourceError: The tries are used up, or the source asked for a longer pause than allowed.
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
        # Raised outside of the except block: what requests raised shows the whole URL and must not be chained to this.
        raise _source_error(failure, request, int(retrying.statistics.get("attempt_number", 1)))

    def _wait_seconds(self, state: RetryCallState) -> float:
        failure = _failure_of(state)
        # A Retry-After of zero (or a date that has passed) names no pause, and hammering is what the limit is about.
        wait = failure.retry_after_seconds or self._rng.uniform(0.0, self._policy.backoff_ceiling(state.attempt_number))
        if self._budget is not None and failure.status in RATE_LIMIT_STATUSES:
            # The limit is the address's, not this request's: the other threads would only lengthen it.
            self._budget.pause(wait)
        return wait

    def _stops(self, state: RetryCallState, deadline: float) -> bool:
        over_deadline = self._monotonic() + state.upcoming_sleep >= deadline
        return state.attempt_number >= self._policy.max_attempts or over_deadline

    def _log_retry(self, state: RetryCallState, request: _Request) -> None:
        log.warning(
            "Attempt %d of %d failed: %s. Next one in %.1f s (GET %s)",
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
                    "Set api_url to the address it ends at",
                    retryable=False,
                    retry_now=False,
                    status=status,
                )
            )
        failure = judge_answer(status, headers, body, now=self._now(), policy=self._policy)
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
                    f"the body is not JSON ({error}), it begins with {excerpt(body)!r}",
                    f"{TRY_LATER}. If it stays so, open the address: api_url may lead to a page and not to the API",
                    retryable=True,
                    retry_now=True,
                    status=status,
                )
            ) from None
        return Response(redact_url(url), status, body, fetched_at, parsed)

    def _wait_for_turn(self, deadline: float) -> None:
        if self._budget is not None and not self._budget.wait_for_turn(deadline):
            raise _FailedTry(
                Failure(
                    f"the request's turn does not come within {self._policy.deadline_seconds:.0f} s",
                    "The source has asked to pause, or requests_per_second in its settings is too small",
                    retryable=True,
                    retry_now=False,
                    # Whichever thread is heard first, the task waits as long as the source has asked.
                    retry_after_seconds=self._budget.pause_left() or None,
                )
            )

    def _exchange(self, url: str, request: _Request, deadline: float) -> tuple[int, Mapping[str, str], bytes]:
        """Send one request and read its answer; the body of an error is only read as far as a message needs."""
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
        # read1 returns what has arrived: read would block until a chunk is full, and a body that drips in would pass
        # the deadline unseen. Decoding is bounded per call too, so that a bomb is noticed before it fills the memory.
        while chunk := raw.read1(_CHUNK_BYTES, decode_content=True):
            body += chunk
            if len(body) > self._max_body_bytes:
                raise _FailedTry(
                    Failure(
                        f"the decoded body is longer than {self._max_body_bytes} bytes",
                        "No page of candles is that long: check that api_url leads to the exchange, and raise "
                        "max_body_bytes only if it does",
                        retryable=False,
                        retry_now=False,
                    )
                )
            if self._monotonic() >= deadline:
                raise urllib3.exceptions.TimeoutError("the body is not complete at the deadline")
        return bytes(body)

    def _read_error(self, raw: urllib3.HTTPResponse, deadline: float) -> bytes:
        """Return the beginning of an error's body, as far as a message needs it and as far as it comes in time."""
        body = bytearray()
        # The status has said what matters; a torn error page must not hide it.
        with suppress(urllib3.exceptions.HTTPError):
            while len(body) < _LONGEST_ERROR_BODY and (chunk := raw.read1(_CHUNK_BYTES, decode_content=True)):
                body += chunk
                if self._monotonic() >= deadline:
                    break
        return bytes(body)


class _Session(requests.Session):
    """A session that leaves redirects alone, also where it is told not to follow them.

    requests prepares the next request all the same: it would read the whole body of a redirect, however long it is, and
    raise its own errors about the address.
    """

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return nothing: ``_redirect_target`` judges the address."""


class _FailedTry(Exception):  # noqa: N818 - not an error that leaves this module
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
                raise ValueError("it is neither http nor https")
            return cls(whole, sent, redact_url(whole), secret_values(whole, sent))
        except ValueError as error:  # requests' own exceptions for bad addresses are ValueErrors too
            reason = redact_text(str(error), [url])
        raise FatalSourceError(f"the address of the source is wrong: {reason}", "Check the api_url in the settings")


def _failure_of(state: RetryCallState) -> Failure:
    error = state.outcome.exception() if state.outcome else None
    assert isinstance(error, _FailedTry)  # noqa: S101 - only failed tries get as far as a wait
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
                f"the source redirects to what is no address ({error})",
                "Check that api_url leads to the exchange's API",
                retryable=False,
                retry_now=False,
            )
        ) from None
    if (here.scheme, here.netloc) != (there.scheme, there.netloc):
        # Another host would get the request's API key, and its answers would be recorded as the exchange's.
        raise _FailedTry(
            Failure(
                f"the source redirects to another host, {redact_url(target)}",
                "This is refused; set api_url to that host if it is the right one",
                retryable=False,
                retry_now=False,
            )
        )
    return target
