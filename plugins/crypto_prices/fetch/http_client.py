"""The one HTTP client of all sources: bounded in time, tries and size, polite to rate limits, exact about numbers.

``judge_answer`` and ``judge_exception`` are the only places that decide whether something is fatal or worth another
try. tenacity drives the tries, because it is part of MWAA's image.
"""

from __future__ import annotations

import json
import logging
import math
import random
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Any, NoReturn
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from tenacity import RetryCallState, Retrying, retry_if_exception

from crypto_prices.fetch.errors import (
    FatalSourceError,
    RetryableSourceError,
    SourceError,
    redact_text,
    redact_url,
    secret_values,
)
from crypto_prices.fetch.request_budget import RequestBudget

log = logging.getLogger(__name__)

USER_AGENT = "crypto-prices/1 (+python-requests)"

_CHUNK_BYTES = 64 * 1024
_LONGEST_ERROR_BODY = 64 * 1024
_LONGEST_EXCERPT = 300
_LONGEST_NUMBER = 1000
"""Most characters of a number. Spark's JSON parser (Jackson) refuses a whole body for the sake of a longer one."""
_MAX_REDIRECTS = 3
_RATE_LIMIT_STATUSES = frozenset({418, 429})
_TIMEOUT_STATUSES = frozenset({408})
_TRY_LATER = "Nothing is wrong with the request: clear the task later to fetch again"


@dataclass(frozen=True)
class RetryPolicy:
    """How often and how long one request is tried.

    Attributes:
        max_attempts: Tries of one request, the first included.
        deadline_seconds: No try begins, and none is waited for, later than this after the first one began.
        backoff_base_seconds: Longest wait after the first failed try; it doubles with each further one.
        backoff_cap_seconds: Longest wait between two tries without a Retry-After.
        max_retry_after_seconds: Longest Retry-After that is waited for. With a longer one the request fails at once:
            a worker slot is too dear to sleep in, the task's own retry comes back later.
    """

    max_attempts: int = 6
    deadline_seconds: float = 300.0
    backoff_base_seconds: float = 1.0
    backoff_cap_seconds: float = 30.0
    max_retry_after_seconds: float = 120.0

    def __post_init__(self) -> None:
        if not 1 <= self.max_attempts <= 100:
            raise ValueError(f"max_attempts is {self.max_attempts}, it must be between 1 and 100")
        for name in ("deadline_seconds", "backoff_base_seconds", "backoff_cap_seconds", "max_retry_after_seconds"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} is {value}, it must be a positive number of seconds")

    def backoff_ceiling(self, attempt: int) -> float:
        """Return the longest wait in seconds after failed try ``attempt`` (from 1); full jitter draws below it."""
        return min(self.backoff_cap_seconds, self.backoff_base_seconds * 2.0 ** (attempt - 1))


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


@dataclass(frozen=True)
class Failure:
    """What one failed try means.

    Attributes:
        problem: What was wrong, as the beginning of a sentence.
        advice: What to do about it.
        retryable: Whether the same request may succeed later.
        retry_now: Whether it is worth another try in this process.
        retry_after_seconds: How long the source asked to wait, if it did.
        status: HTTP status, if there was an answer.
        exchange_code: The exchange's own error code, if it gave one.
    """

    problem: str
    advice: str
    retryable: bool
    retry_now: bool
    retry_after_seconds: float | None = None
    status: int | None = None
    exchange_code: int | str | None = None


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Return the seconds that a Retry-After header asks to wait, or None where it says nothing usable.

    Args:
        value: The header: seconds, or an HTTP date in one of its three forms (RFC 9110, 5.6.7 and 10.2.3).
        now: The current instant, UTC.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        # float() and not int(): int() refuses more than 4300 digits, and infinity is over every bound anyway.
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError, IndexError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)  # HTTP dates are GMT, also in the asctime form, which does not say so
    return max(0.0, (moment - now).total_seconds())


def parse_json(body: bytes) -> Any:
    """Return the parsed body; fractions stay the strings that were sent.

    Raises:
        ValueError: It is not UTF-8, not JSON, holds NaN or Infinity, which JSON does not have, or what the Glue job
            could not read or would read in another way: a number longer than any market's, a name twice in an object.
    """

    def refuse_constant(constant: str) -> NoReturn:
        raise ValueError(f"it holds {constant}, which is not JSON")

    def number(text: str) -> str:
        if len(text) > _LONGEST_NUMBER:
            raise ValueError(f"it holds a number of {len(text)} characters")
        return text

    def unambiguous(members: list[tuple[str, Any]]) -> dict[str, Any]:
        document = dict(members)
        if len(document) < len(members):
            names = [name for name, _ in members]
            twice = next(name for name in document if names.count(name) > 1)
            raise ValueError(f'it holds "{excerpt(twice.encode("utf-8", "replace"))}" twice in one object')
        return document

    try:
        return json.loads(
            body.decode("utf-8"),
            parse_float=number,
            parse_int=lambda text: int(number(text)),
            parse_constant=refuse_constant,
            object_pairs_hook=unambiguous,
        )
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def exchange_error(body: bytes) -> tuple[int | str | None, str]:
    """Return the code and the message of an exchange's error body, or None and the beginning of the body.

    Knows ``{"code":-1121,"msg":"…"}`` (Binance), ``{"message":"…"}`` (Coinbase), and ``{"error":"…"}`` and
    ``{"status":{"error_code":…,"error_message":"…"}}``, also inside an ``error`` (CoinGecko).
    """
    try:
        document = parse_json(body)
    except ValueError:
        return None, excerpt(body)
    if isinstance(document, dict):
        if isinstance(document.get("error"), dict):
            document = document["error"]
        details = document["status"] if isinstance(document.get("status"), dict) else document
        code = details.get("code", details.get("error_code"))
        for name in ("msg", "message", "error_message", "error"):
            if isinstance(details.get(name), str):
                return code if isinstance(code, int | str) else None, excerpt(details[name].encode())
    return None, excerpt(body)


def excerpt(body: bytes) -> str:
    """Return the beginning of a body as one printable line for a message or a log."""
    text = body[: 4 * _LONGEST_EXCERPT].decode("utf-8", errors="replace")
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= _LONGEST_EXCERPT else line[: _LONGEST_EXCERPT - 1] + "…"


def judge_answer(
    status: int, headers: Mapping[str, str], body: bytes, *, now: datetime, policy: RetryPolicy
) -> Failure | None:
    """Return what an answer's status means, or None where it is a success.

    Args:
        status: HTTP status.
        headers: Headers of the answer, case-insensitive.
        body: The body, or its beginning.
        now: The current instant, UTC; a Retry-After date is measured from it.
        policy: Its ``max_retry_after_seconds`` bounds the wait.
    """
    if 200 <= status < 300:
        return None
    code, message = exchange_error(body)
    said = f"HTTP {status}" + (f", code {code}" if code is not None else "") + (f": {message}" if message else "")
    if status in _RATE_LIMIT_STATUSES or status in _TIMEOUT_STATUSES or status >= 500:
        what = {429: "the rate limit is reached", 418: "this address is banned for ignoring the rate limit"}
        problem = what.get(status, "the source failed") + f" ({said})"
        wait = parse_retry_after(headers.get("Retry-After"), now)
        if wait is not None and wait > policy.max_retry_after_seconds:
            return Failure(
                f"{problem}, and it asks to wait {wait:.0f} s, longer than the {policy.max_retry_after_seconds:.0f} s "
                "that a task waits",
                "Clear the task after that time; ask for fewer symbols at once if it happens often",
                retryable=True,
                retry_now=False,
                retry_after_seconds=wait,
                status=status,
                exchange_code=code,
            )
        return Failure(
            problem,
            _TRY_LATER,
            retryable=True,
            retry_now=True,
            retry_after_seconds=wait,
            status=status,
            exchange_code=code,
        )
    advice = {
        401: "The source wants credentials: check the API key in the settings",
        403: "The source refuses this client (credentials, or its firewall): check the API key and the egress address",
        404: "There is no such address or market: check api_url and the symbols in the settings",
        451: "The source refuses the region that this request comes from: send it from another region, or set api_url "
        "to an endpoint that serves public data there (Binance: https://data-api.binance.vision)",
    }.get(status, "Correct the request (symbols, candle_interval and api_url in the settings): it would fail again")
    return Failure(
        f"the source refused the request ({said})",
        advice,
        retryable=False,
        retry_now=False,
        status=status,
        exchange_code=code,
    )


def judge_exception(error: Exception) -> Failure:
    """Return what an exception of requests or urllib3 means."""
    cause = _root_cause(error)
    reason = f"{type(cause).__name__}: {excerpt(str(cause).encode())}".rstrip(": ")
    # A broken TLS stream is a connection like any other; a certificate that is not trusted stays so.
    if isinstance(cause, ssl.SSLCertVerificationError):
        return Failure(
            f"the connection is not secure: {reason}",
            "Check the api_url and the certificates that this machine trusts",
            retryable=False,
            retry_now=False,
        )
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        problem = "the source did not answer in time"
    elif isinstance(error, requests.ConnectionError):
        problem = f"the connection failed: {reason}"
    elif isinstance(error, urllib3.exceptions.ProtocolError | urllib3.exceptions.SSLError):
        problem = f"the body was cut off: {reason}"
    elif isinstance(error, urllib3.exceptions.DecodeError):
        problem = f"the body's content encoding is broken: {reason}"
    else:
        return Failure(
            f"the request cannot be made: {reason}",
            "Check the api_url in the settings",
            retryable=False,
            retry_now=False,
        )
    return Failure(problem, _TRY_LATER, retryable=True, retry_now=True)


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
        retry_policy: RetryPolicy | None = None,
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
        self._policy = retry_policy or RetryPolicy()
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
        if self._budget is not None and failure.status in _RATE_LIMIT_STATUSES:
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
                    f"{_TRY_LATER}. If it stays so, open the address: api_url may lead to a page and not to the API",
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


def _root_cause(error: BaseException) -> BaseException:
    """Return the innermost reason; the outer ones of requests repeat the URL with its secrets."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return error
