import ssl
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import requests
from crypto_prices.fetch.failures import exchange_error, judge_answer, judge_exception, parse_retry_after
from crypto_prices.fetch.request_retry_policy import RequestRetryPolicy
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime(2023, 12, 19, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 410, 422, 451, 301, 304])
def test_rejected_requests_are_fatal(status):
    failure = judge_answer(status, {}, b"", now=NOW, policy=RequestRetryPolicy())
    assert failure is not None
    assert (failure.retryable, failure.retry_now) == (False, False)
    assert f"HTTP {status}" in failure.problem


@pytest.mark.parametrize("status", [408, 418, 429, 500, 502, 503, 504, 520])
def test_overload_and_outage_are_retryable(status):
    failure = judge_answer(status, {}, b"", now=NOW, policy=RequestRetryPolicy())
    assert failure is not None
    assert (failure.retryable, failure.retry_now) == (True, True)


def test_a_success_is_not_a_failure():
    assert judge_answer(200, {}, b"[]", now=NOW, policy=RequestRetryPolicy()) is None


def test_a_blocked_region_is_explained():
    body = b'{"code":0,"msg":"Service unavailable from a restricted location"}'
    failure = judge_answer(451, {}, body, now=NOW, policy=RequestRetryPolicy())
    assert failure is not None
    assert "region" in failure.advice
    assert "restricted location" in failure.problem


def test_an_untrusted_certificate_is_fatal_and_a_torn_tls_stream_is_not():
    def wrapped(cause: Exception) -> requests.exceptions.SSLError:
        error = requests.exceptions.SSLError("https://host/?token=abcdef")
        error.__cause__ = cause
        return error

    assert not judge_exception(wrapped(ssl.SSLCertVerificationError("self-signed"))).retryable
    torn = judge_exception(wrapped(ssl.SSLEOFError("EOF occurred in violation of protocol")))
    assert torn.retryable
    assert "abcdef" not in torn.problem


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("30", 30),
        (" 0 ", 0),
        ("Tue, 19 Dec 2023 00:06:30 GMT", 90),
        ("Tuesday, 19-Dec-23 00:06:30 GMT", 90),
        ("Tue Dec 19 00:06:30 2023", 90),
        ("Tue, 19 Dec 2023 01:06:30 +0100", 90),
        ("Mon, 18 Dec 2023 00:00:00 GMT", 0),
        ("soon", None),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("Tue, 99 Dec 2023 00:06:30 GMT", None),
        ("9" * 5000, float("inf")),
    ],
)
def test_retry_after_forms(value, seconds):
    assert parse_retry_after(value, NOW) == seconds


@given(st.text(max_size=40) | st.from_regex(r"[A-Z][a-z]{2}, [0-9]{1,3} [A-Za-z]{3} [0-9]{1,5} [0-9:]{1,9} GMT"))
def test_no_retry_after_value_breaks_the_parser(value):
    seconds = parse_retry_after(value, NOW)
    assert seconds is None or seconds >= 0


def test_http_dates_in_retry_after_are_parsed():
    assert parse_retry_after(format_datetime(NOW + timedelta(hours=1), usegmt=True), NOW) == 3600


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"code":-1121,"msg":"Invalid symbol."}', (-1121, "Invalid symbol.")),
        (b'{"message":"NotFound"}', (None, "NotFound")),
        (b'{"error":"coin not found"}', (None, "coin not found")),
        (b'{"status":{"error_code":429,"error_message":"Slow down"}}', (429, "Slow down")),
        (b"<html>\n  <b>503</b>\x1b[31m", (None, "<html> <b>503</b> [31m")),
        (b"[1]", (None, "[1]")),
        (b"", (None, "")),
    ],
)
def test_code_and_message_of_error_bodies(body, expected):
    assert exchange_error(body) == expected
