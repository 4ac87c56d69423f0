"""The classification of failed requests: fatal or retryable, and how long to wait before the next attempt.

``judge_answer``, ``judge_document`` and ``judge_exception`` are the only places that decide this. What a source's own
codes mean comes from the source, see ``ErrorRules``.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import requests
import urllib3

from crypto_prices.fetch.excerpt import excerpt
from crypto_prices.fetch.json_body import parse_json
from crypto_prices.fetch.request_retry_policy import RequestRetryPolicy

RATE_LIMIT_STATUSES = frozenset({418, 429})
TRY_LATER = "Nothing is wrong with the request: clear the task later to fetch again"

SHORTEST_BAN_SECONDS = 120.0
"""Length of Binance's shortest ban. It applies to a ban whose response does not say when it ends. "IP bans are tracked
and scale in duration for repeat offenders, from 2 minutes to 3 days":
https://developers.binance.com/docs/binance-spot-api-docs/rest-api/limits"""

_BANNED = 418
_FORBIDDEN = 403
_TIMEOUT_STATUSES = frozenset({408})


def _no_wait(code: int | str | None, message: str, now: datetime) -> float | None:
    return None


@dataclass(frozen=True)
class ErrorRules:
    """The meaning of a source's error responses, as far as the status alone does not tell it.

    Attributes:
        takes_api_key: Whether the source accepts API keys.
        sends_api_key: Whether the requests have one.
        temporary_codes: The source's own codes of errors that end by themselves, whatever the status of the response.
        fatal_codes: The source's own codes of errors that the same request would get again, whatever the status.
        required_wait: Returns the wait in seconds that the source's own code and message require; None for none.
    """

    takes_api_key: bool = False
    sends_api_key: bool = False
    temporary_codes: frozenset[int | str] = frozenset()
    fatal_codes: frozenset[int | str] = frozenset()
    required_wait: Callable[[int | str | None, str, datetime], float | None] = _no_wait


@dataclass(frozen=True)
class Failure:
    """The classification of one failed attempt.

    Attributes:
        problem: What is wrong, as the beginning of a sentence.
        advice: What to do about it.
        retryable: Whether the same request may succeed later.
        retry_now: Whether this process should try again.
        retry_after_seconds: Wait that the source requests, in seconds, if it requests one.
        status: HTTP status, if there was a response.
        exchange_code: The exchange's own error code, if the response has one.
    """

    problem: str
    advice: str
    retryable: bool
    retry_now: bool
    retry_after_seconds: float | None = None
    status: int | None = None
    exchange_code: int | str | None = None


def judge_answer(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: datetime,
    policy: RequestRetryPolicy,
    rules: ErrorRules,
) -> Failure | None:
    """Return the failure that a response indicates, or None if the request succeeded.

    Args:
        status: HTTP status.
        headers: Headers of the response, case-insensitive.
        body: The body, or its beginning.
        now: The current time, UTC. Waits until a Retry-After date or the end of a ban are measured from it.
        policy: Its ``max_retry_after_seconds`` bounds the wait.
        rules: The meaning of the source's own error codes.
    """
    if 200 <= status < 300:
        return None
    code, message = exchange_error(body)
    details = _details(status, code, message)
    if code not in rules.fatal_codes and (
        status in RATE_LIMIT_STATUSES or status in _TIMEOUT_STATUSES or status >= 500 or code in rules.temporary_codes
    ):
        what = {429: "the rate limit is reached", _BANNED: "this address is banned for ignoring the rate limit"}
        problem = what.get(status, "the source failed") + f" ({details})"
        wait = _requested_wait(headers, rules.required_wait(code, message, now), now)
        if status == _BANNED and wait is None:
            return Failure(
                f"{problem}; the response does not say until when",
                "A request during a ban makes it longer, so this task sends no other one. Airflow tries again after "
                f"{SHORTEST_BAN_SECONDS:.0f} s. If this happens often, fetch fewer symbols",
                retryable=True,
                retry_now=False,
                retry_after_seconds=SHORTEST_BAN_SECONDS,
                status=status,
                exchange_code=code,
            )
        if wait is not None and wait > policy.max_retry_after_seconds:
            return Failure(
                f"{problem}; it requests a wait of {wait:.0f} s, longer than the "
                f"{policy.max_retry_after_seconds:.0f} s that a task waits",
                "Clear the task after that time. If this happens often, fetch fewer symbols",
                retryable=True,
                retry_now=False,
                retry_after_seconds=wait,
                status=status,
                exchange_code=code,
            )
        return Failure(
            problem,
            TRY_LATER,
            retryable=True,
            retry_now=True,
            retry_after_seconds=wait,
            status=status,
            exchange_code=code,
        )
    if status == _FORBIDDEN and code is None:
        # Binance: "HTTP 403 return code is used when the WAF Limit (Web Application Firewall) has been violated"
        # (https://developers.binance.com/docs/binance-spot-api-docs/rest-api/general-api-information). CoinGecko:
        # "Access blocked by the server" (https://docs.coingecko.com/docs/errors-and-rate-limits).
        return Failure(
            f"the source refused this network's address ({details})",
            "Wait until the source lifts the block, which Airflow's retries do for a while, or send the requests from "
            "another address" + (". If the block stays, check the API key" if rules.sends_api_key else ""),
            retryable=True,
            retry_now=False,
            status=status,
        )
    return Failure(
        f"the source rejected the request ({details})",
        _advice(status, rules),
        retryable=False,
        retry_now=False,
        status=status,
        exchange_code=code,
    )


def judge_document(status: int, document: Any, rules: ErrorRules) -> Failure | None:
    """Return the failure that the parsed body of a successful response has, or None if it has none.

    Args:
        status: HTTP status, for the message.
        document: The parsed body.
        rules: The meaning of the source's own error codes.
    """
    code, message = _error_in(document)
    if code is None or code not in rules.temporary_codes | rules.fatal_codes:
        return None
    is_temporary = code in rules.temporary_codes
    return Failure(
        f"the source {'failed' if is_temporary else 'rejected the request'} ({_details(status, code, message)})",
        TRY_LATER if is_temporary else _advice(status, rules),
        retryable=is_temporary,
        retry_now=is_temporary,
        status=status,
        exchange_code=code,
    )


def _details(status: int, code: int | str | None, message: str) -> str:
    return f"HTTP {status}" + (f", code {code}" if code is not None else "") + (f": {message}" if message else "")


def _requested_wait(headers: Mapping[str, str], required: float | None, now: datetime) -> float | None:
    """Return the longest wait that a response requests, in seconds, or None if it requests none."""
    waits = (parse_retry_after(headers.get("Retry-After"), now), required)
    return max((wait for wait in waits if wait is not None), default=None)


def _advice(status: int, rules: ErrorRules) -> str:
    if status in (401, _FORBIDDEN):
        if rules.sends_api_key:
            return "Check that the API key is valid for this api_url"
        if rules.takes_api_key:
            return "The source demands an API key: set connection_id in the settings"
        return "The source takes no API key here: check that api_url is its public API"
    return {
        404: "The address or the market does not exist: check api_url and the symbols in the settings",
        451: "The source blocks the region of this request: send it from another region, or set api_url "
        "to an endpoint that serves public data there (Binance: https://data-api.binance.vision)",
    }.get(status, "Correct symbols, candle_interval or api_url in the settings")


def judge_exception(error: Exception) -> Failure:
    """Return the failure that an exception of requests or urllib3 indicates."""
    cause = _root_cause(error)
    reason = f"{type(cause).__name__}: {excerpt(str(cause).encode())}".rstrip(": ")
    # A broken TLS stream may work again, like any connection. An untrusted certificate stays untrusted.
    if isinstance(cause, ssl.SSLCertVerificationError):
        return Failure(
            f"the connection is not secure: {reason}",
            "Check the api_url and the certificates that this machine trusts",
            retryable=False,
            retry_now=False,
        )
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        problem = "the source did not respond in time"
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
    return Failure(problem, TRY_LATER, retryable=True, retry_now=True)


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Return the wait that a Retry-After header requests, in seconds, or None if it has no usable value.

    Args:
        value: The header's value: seconds, or an HTTP date in one of three formats (RFC 9110, 5.6.7 and 10.2.3).
        now: The current time, UTC.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        # float(), because int() rejects more than 4300 digits. Infinity exceeds every bound anyway.
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError, IndexError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)  # HTTP dates are GMT, even in the asctime format, which has no time zone
    return max(0.0, (moment - now).total_seconds())


def exchange_error(body: bytes) -> tuple[int | str | None, str]:
    """Return the code and the message of an exchange's error body, or None and the beginning of the body.

    It understands ``{"code":-1121,"msg":"…"}`` (Binance), ``["error",10020,"…"]`` (Bitfinex),
    ``{"status":"error","reason":"…","response_code":"400.002"}`` and ``{…,"code":"API0001"}`` (Bitstamp),
    ``{"message":"…"}`` (Coinbase), and ``{"error":"…"}`` and ``{"status":{"error_code":…,"error_message":"…"}}``
    (CoinGecko). CoinGecko's second form may be inside an ``error``.
    """
    try:
        document = parse_json(body)
    except ValueError:
        return None, excerpt(body)
    code, message = _error_in(document)
    return code, message or excerpt(body)


def _error_in(document: Any) -> tuple[int | str | None, str]:
    """Return the code and the message of an exchange's parsed error body, or None and an empty text."""
    match document:
        case ["error", int() | str() | None as code, str() as message, *_]:
            return code, excerpt(message.encode())
    if isinstance(document, dict):
        if isinstance(document.get("error"), dict):
            document = document["error"]
        details = document["status"] if isinstance(document.get("status"), dict) else document
        code = details.get("code", details.get("error_code", details.get("response_code")))
        for name in ("msg", "message", "error_message", "error", "reason"):
            if isinstance(details.get(name), str):
                return code if isinstance(code, int | str) else None, excerpt(details[name].encode())
    return None, ""


def _root_cause(error: BaseException) -> BaseException:
    """Return the innermost cause. The outer exceptions of requests repeat the URL with its secrets."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return error
