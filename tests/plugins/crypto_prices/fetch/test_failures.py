import json
import ssl
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import requests
from crypto_prices.fetch.failures import (
    SHORTEST_BAN_SECONDS,
    ErrorRules,
    exchange_error,
    judge_answer,
    judge_document,
    judge_exception,
    parse_retry_after,
)
from crypto_prices.fetch.request_retry_policy import RequestRetryPolicy
from crypto_prices.fetch.sources import get_source
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime(2023, 12, 19, 0, 5, tzinfo=UTC)


def judge(status, headers=None, body=b"", rules=None):
    return judge_answer(status, headers or {}, body, now=NOW, policy=RequestRetryPolicy(), rules=rules or ErrorRules())


def rules_of(source, api_key=None):
    return get_source(source, api_key=api_key).error_rules


@pytest.mark.parametrize("status", [400, 401, 404, 405, 409, 410, 422, 451, 301, 304])
def test_rejected_requests_are_fatal(status):
    failure = judge(status)
    assert failure is not None
    assert (failure.retryable, failure.retry_now) == (False, False)
    assert f"HTTP {status}" in failure.problem


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 520])
def test_overload_and_outage_are_retryable(status):
    failure = judge(status)
    assert failure is not None
    assert (failure.retryable, failure.retry_now) == (True, True)


def test_a_success_is_not_a_failure():
    assert judge(200, body=b"[]") is None


class TestBan:
    """One request, then the wait until the end of the ban. Requests during a ban make it longer."""

    @pytest.mark.parametrize("seconds", [600, 60])
    def test_it_ends_at_the_time_in_the_body(self, seconds):
        until = int((NOW + timedelta(seconds=seconds)).timestamp() * 1000)
        body = f'{{"code":-1003,"msg":"Too many requests; IP banned until {until}."}}'.encode()
        failure = judge(418, body=body, rules=rules_of("binance"))
        assert failure is not None
        assert failure.retry_after_seconds == seconds
        assert failure.retry_now is (seconds == 60)  # a wait of a minute is short enough for the task itself
        assert failure.retryable

    def test_the_later_of_header_and_body_counts(self):
        until = int((NOW + timedelta(seconds=600)).timestamp() * 1000)
        body = f'{{"code":-1003,"msg":"IP banned until {until}"}}'.encode()
        assert judge(418, {"Retry-After": "30"}, body, rules_of("binance")).retry_after_seconds == 600
        assert judge(418, {"Retry-After": "900"}, body, rules_of("binance")).retry_after_seconds == 900

    @pytest.mark.parametrize(
        "body", [b"", b'{"code":-1003,"msg":"banned"}', b'{"code":-1,"msg":"until 1709772000000"}']
    )
    def test_without_an_end_nothing_is_sent_for_the_length_of_the_shortest_ban(self, body):
        failure = judge(418, body=body, rules=rules_of("binance"))
        assert failure is not None
        assert (failure.retryable, failure.retry_now) == (True, False)
        assert failure.retry_after_seconds == SHORTEST_BAN_SECONDS


class TestForbidden:
    @pytest.mark.parametrize("source", ["binance", "coinbase", "coingecko"])
    def test_a_firewall_refuses_the_address_and_not_a_key(self, source):
        page = b"<html><title>403 Forbidden</title>Request blocked by a firewall</html>"
        failure = judge(403, body=page, rules=rules_of(source))
        assert failure is not None
        assert "this network's address" in failure.problem
        assert "key" not in failure.problem + failure.advice
        # Airflow tries again later. Six more requests now would confirm the firewall's suspicion.
        assert (failure.retryable, failure.retry_now) == (True, False)

    def test_a_key_is_checked_only_if_one_was_sent(self):
        assert "check the API key" in judge(403, rules=rules_of("coingecko", "key")).advice

    def test_the_exchanges_own_refusal_is_fatal(self):
        assert not judge(403, body=b'{"code":10005,"message":"Enterprise only"}').retryable


@pytest.mark.parametrize(
    ("source", "api_key", "words"),
    [
        ("binance", None, "takes no API key"),
        ("coingecko", None, "set connection_id"),
        ("coingecko", "key", "Check that the API key is valid"),
    ],
)
def test_a_missing_or_wrong_key_is_named_only_where_the_source_takes_one(source, api_key, words):
    assert words in judge(401, rules=rules_of(source, api_key)).advice


@pytest.mark.parametrize("status", [400, 200])
@pytest.mark.parametrize("code", [-1001, -1007, -1008])
def test_an_error_that_the_exchange_calls_temporary_is_retryable_whatever_the_status(status, code):
    body = f'{{"code":{code},"msg":"Internal error; please try again."}}'.encode()
    rules = rules_of("binance")
    failure = judge(400, body=body, rules=rules) if status == 400 else judge_document(200, json.loads(body), rules)
    assert failure is not None
    assert (failure.retryable, failure.retry_now, failure.exchange_code) == (True, True, code)
    assert "fail again" not in failure.advice


def test_an_error_that_the_same_request_would_get_again_is_fatal_whatever_the_status():
    """Bitfinex responds to a wrong parameter with HTTP 500."""
    document = ["error", 10020, "limit: invalid"]
    rules = rules_of("bitfinex")
    for failure in (judge(500, body=json.dumps(document).encode(), rules=rules), judge_document(200, document, rules)):
        assert failure is not None
        assert (failure.retryable, failure.retry_now, failure.exchange_code) == (False, False, 10020)
        assert "limit: invalid" in failure.problem


@pytest.mark.parametrize("code", ["400.002", "400.067", "400.068"])
def test_a_rate_limit_may_have_the_status_of_a_wrong_request(code):
    document = {"status": "error", "reason": "Request rejected due to exceeded rate limit.", "response_code": code}
    rules = rules_of("bitstamp")
    for failure in (judge(400, body=json.dumps(document).encode(), rules=rules), judge_document(200, document, rules)):
        assert failure is not None
        assert (failure.retryable, failure.retry_now, failure.exchange_code) == (True, True, code)


@pytest.mark.parametrize(
    ("source", "body", "seconds"),
    [
        ("bitfinex", b'["error",11010,"ratelimit: error"]', 60),
        ("bitfinex", b'{"error":"ERR_RATE_LIMIT"}', 60),
        ("bitfinex", b'["error",null,"ERR_RATE_LIMIT"]', 60),
        ("bitfinex", b"<html>slow down", None),
        ("bitstamp", b"10.10.10.10 blocked for 900 seconds", 900),
        ("bitstamp", b'{"status":"error","reason":"Too many requests.","response_code":"400.002"}', None),
    ],
)
def test_a_block_lasts_as_long_as_the_exchange_says(source, body, seconds):
    failure = judge(429, body=body, rules=rules_of(source))
    assert failure is not None
    assert failure.retryable
    assert failure.retry_after_seconds == seconds
    assert failure.retry_now is (seconds != 900)
    assert judge(429, {"Retry-After": "90"}, body, rules_of(source)).retry_after_seconds == max(90, seconds or 0)


@pytest.mark.parametrize(
    "document", [[], [1], {}, {"code": -1121, "msg": "Invalid symbol."}, {"code": -1001}, None, "x"]
)
def test_other_documents_are_not_failures(document):
    assert judge_document(200, document, rules_of("binance")) is None


def test_a_blocked_region_is_explained():
    body = b'{"code":0,"msg":"Service unavailable from a restricted location"}'
    failure = judge(451, body=body)
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
        (b'["error",10020,"symbol: invalid"]', (10020, "symbol: invalid")),
        (b'["error",10020]', (None, '["error",10020]')),
        (b'{"status":"error","reason":"No such key.","code":"API0001"}', ("API0001", "No such key.")),
        (b'{"status":"error","reason":"Too low.","response_code":"400.021"}', ("400.021", "Too low.")),
        (b"[1]", (None, "[1]")),
        (b"", (None, "")),
    ],
)
def test_code_and_message_of_error_bodies(body, expected):
    assert exchange_error(body) == expected
