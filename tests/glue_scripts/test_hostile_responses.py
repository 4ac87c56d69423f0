"""How malformed and hostile responses end: from the socket to the outcome of each record, forevery source.

Each case is one or more responses and the expected end. A small server sends the responses. The real source fetches
them with the real HTTP client and lands them in the raw zone, and one Spark job per source determines the outcomes. No
two cases share a server path, a client, a clock or a market.
"""

from __future__ import annotations

import functools
import gzip
import json
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any
from urllib.parse import parse_qs

import pytest
from crypto_prices.fetch.errors import FatalSourceError, RetryableSourceError, SourceError
from crypto_prices.fetch.http_client import HttpClient
from crypto_prices.fetch.raw_zone import RawZone
from crypto_prices.fetch.request_budget import RequestBudget
from crypto_prices.fetch.request_retry_policy import RequestRetryPolicy
from crypto_prices.fetch.sources import Page, get_source
from crypto_prices_contract.markets import Market
from crypto_prices_contract.window import Window
from crypto_prices_etl.curation import outcomes_of
from crypto_prices_etl.raw_manifests import read_raw_manifests
from werkzeug.serving import make_server

from tests.support.lake import BUCKET, DAY_START_MS, HOUR_MS
from tests.support.second_opinion import differences

NOW = datetime(2024, 6, 1, tzinfo=UTC)
FIRST_DAY = date(2023, 12, 18)
# The shortest windows that can take more than one request: Binance pages through a day, Bitstamp returns up to 1000
# candles per request, Coinbase up to 300 and CoinGecko up to 90 days. Bitfinex returns up to 10 000, more than a year.
WINDOWS = {
    "binance": Window(FIRST_DAY, FIRST_DAY + timedelta(days=1)),
    "bitfinex": Window(FIRST_DAY, FIRST_DAY + timedelta(days=1)),
    "bitstamp": Window(FIRST_DAY, FIRST_DAY + timedelta(days=42)),
    "coinbase": Window(FIRST_DAY, FIRST_DAY + timedelta(days=13)),
    "coingecko": Window(FIRST_DAY, FIRST_DAY + timedelta(days=91)),
}
ATTEMPTS = 3
LONGEST_BODY = 1_000_000
LONGEST_RETRY_AFTER = 10
LONGEST_CASE = 20.0  # seconds; a longer case hangs, even on a busy machine

DAY, HOUR = DAY_START_MS, HOUR_MS
DAY_S, HOUR_S = DAY // 1000, HOUR // 1000


# --- cases --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Response:
    """One response of the server. A callable body is sent piece by piece."""

    body: bytes | Callable[[], Iterable[bytes]] = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Always:
    """A response that is sent to every request, or a function that creates it from the query."""

    response: Response | Callable[[Mapping[str, str]], Response]


@dataclass(frozen=True)
class Outcomes:
    """The fetch succeeds, and its records have these outcomes in the order of the responses."""

    expected: tuple[str, ...]
    waits: float = 0.0


@dataclass(frozen=True)
class Refused:
    """The fetch ends with a FatalSourceError that matches a regular expression, after a number of requests."""

    words: str
    requests: int = 1


@dataclass(frozen=True)
class GaveUp:
    """The fetch ends with a RetryableSourceError that matches a regular expression, after a number of requests."""

    words: str
    requests: int = ATTEMPTS


@dataclass(frozen=True)
class RejectedByJob:
    """The response is landed, but the job cannot split it into records, so the job fails and curates none of it."""


@dataclass(frozen=True)
class InvalidSymbol:
    """A symbol that is rejected before any request."""

    symbol: str


End = Outcomes | Refused | GaveUp | RejectedByJob | InvalidSymbol


@dataclass(frozen=True)
class Case:
    """Responses in order, followed by empty ones, and the expected end."""

    responses: tuple[Response | Always, ...]
    end: End
    deadline_seconds: float = 100.0
    read_timeout_seconds: float = 5.0


def case(responses: Any, end: End, **limits: float) -> Case:
    """Create a case from one response or a list of them. Strings and bytes are bodies of HTTP 200."""
    listed = responses if isinstance(responses, list) else [responses]
    return Case(tuple(r if isinstance(r, Response | Always) else Response(_bytes(r)) for r in listed), end, **limits)


def outcomes(*expected: str, waits: float = 0.0) -> Outcomes:
    return Outcomes(expected, waits)


CURATED = outcomes("curated")


def _bytes(body: str | bytes) -> bytes:
    return body.encode() if isinstance(body, str) else body


def gzipped(body: str | bytes, times: int = 1) -> Response:
    packed = _bytes(body)
    for _ in range(times):
        packed = gzip.compress(packed)
    return Response(packed, headers={"Content-Encoding": ", ".join(["gzip"] * times)})


def dripping(status: int = 200) -> Response:
    """Return a response whose body lasts for minutes, one blank at a time."""

    def drops() -> Iterator[bytes]:
        yield b"["
        for _ in range(4000):
            time.sleep(0.03)
            yield b" "

    return Response(drops, status)


def silent() -> Iterator[bytes]:
    time.sleep(1.5)
    yield b"[]"


def endless() -> Iterator[bytes]:
    while True:
        yield b" " * 65536


def limited(retry_after: str | None, status: int = 429) -> Response:
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return Response(b'{"code":-1003,"msg":"Too many requests."}', status, headers)


def moved(location: str, status: int = 302) -> Response:
    return Response(b"", status, {"Location": location})


# --- bodies, written as JSON text to keep every digit ---------------------------------------------------


def rows(*records: str) -> str:
    return "[" + ",".join(records) + "]"


def kline(hour: float = 0, *more: str, **texts: str) -> str:
    """Return the Binance row of an hour, with some fields replaced."""
    opened = int(DAY + hour * HOUR)
    good = {
        "open_time": str(opened),
        "open": '"42000.10000000"',
        "high": '"42100.00000001"',
        "low": '"41000.5"',
        "close": '"42050.25"',
        "volume": '"12.5"',
        "close_time": str(opened + HOUR - 1),
        "quote_volume": '"525000.125"',
        "trades": "17",
        "taker_base": '"1.0"',
        "taker_quote": '"2.0"',
        "ignored": '"0"',
    }
    assert texts.keys() <= good.keys()
    return rows(*(good | texts).values(), *more)


def candle(hour: float = 0, *more: str, **texts: str) -> str:
    """Return the Coinbase row of an hour, with some fields replaced."""
    good = {
        "time": str(int(DAY_S + hour * HOUR_S)),
        "low": "41000.5",
        "high": "42100.00000001",
        "open": "42000.10",
        "close": "42050.25",
        "volume": "12.50000001",
    }
    assert texts.keys() <= good.keys()
    return rows(*(good | texts).values(), *more)


def finex(hour: float = 0, *more: str, **texts: str) -> str:
    """Return the Bitfinex row of an hour, with some fields replaced."""
    good = {
        "time": str(int(DAY + hour * HOUR)),
        "open": "42000.10",
        "close": "42050.25",
        "high": "42100.00000001",
        "low": "41000.5",
        "volume": "12.50000001",
    }
    assert texts.keys() <= good.keys()
    return rows(*(good | texts).values(), *more)


def stamp(hour: float = 0, more: str = "", **texts: str) -> str:
    """Return the Bitstamp candle of an hour, with some members replaced."""
    good = {
        "timestamp": f'"{int(DAY_S + hour * HOUR_S)}"',
        "open": '"42000.10"',
        "high": '"42100.00000001"',
        "low": '"41000.5"',
        "close": '"42050.25"',
        "volume": '"12.50000001"',
    }
    assert texts.keys() <= good.keys()
    members = [f'"{name}":{text}' for name, text in (good | texts).items()]
    return "{" + ",".join([*members, *([more] * bool(more))]) + "}"


def ohlc(*candles: str) -> str:
    return f'{{"data":{{"ohlc":{rows(*candles)},"pair":"X/USD"}}}}'


@dataclass(frozen=True)
class Point:
    """CoinGecko's data of one instant: a row in each of its tables."""

    price: str
    cap: str
    volume: str


def point(hour: float = 0, late_ms: int = 9_331, **texts: str) -> Point:
    time_text = texts.pop("time", str(int(DAY + hour * HOUR) + late_ms))
    good = {"price": "42000.123456789", "cap": "8.23E11", "cap_time": time_text, "volume": "1.5e10"}
    assert texts.keys() <= good.keys()
    now = good | texts
    return Point(f"[{time_text},{now['price']}]", f"[{now['cap_time']},{now['cap']}]", f"[{time_text},{now['volume']}]")


def chart(*points: Point, more: str = "", **tables: str) -> str:
    """Return a CoinGecko response with these points, with some tables replaced."""
    made = {
        "prices": rows(*(p.price for p in points)),
        "market_caps": rows(*(p.cap for p in points)),
        "total_volumes": rows(*(p.volume for p in points)),
    }
    assert tables.keys() <= made.keys()
    return (
        "{"
        + ",".join([*(f'"{name}":{table}' for name, table in (made | tables).items()), *([more] * bool(more))])
        + "}"
    )


GOOD = {
    "binance": rows(kline()),
    "bitfinex": rows(finex()),
    "bitstamp": ohlc(stamp()),
    "coinbase": rows(candle()),
    "coingecko": chart(point()),
}
NOTHING = {"binance": "[]", "bitfinex": "[]", "bitstamp": ohlc(), "coinbase": "[]", "coingecko": chart()}
NOT_ITS_SHAPE = {
    "binance": "binance sent .* instead of a list of candles",
    "bitfinex": "bitfinex sent no list of candles",
    "bitstamp": "bitstamp responded without a list of candles",
    "coinbase": "coinbase sent .* instead of a list of candles",
    "coingecko": "coingecko did not send prices, market caps and volumes",
}


# --- the cases of every source: HTTP, gzip and JSON ------------------------------------------------------


def transport_cases(source: str) -> dict[str, Case]:
    good = GOOD[source]
    wrong_shape = Refused(NOT_ITS_SHAPE[source])
    not_json = GaveUp("the body is not JSON")
    bomb = b"[" + b" " * 30_000_000 + b"]"
    return {
        # bodies that are not JSON
        "a web page": case("<html><body>Just a moment...</body></html>", not_json),
        "an empty body": case("", not_json),
        "only blanks": case(" \n\t ", not_json),
        "no content": case(Response(status=204), not_json),
        "cut off JSON": case(good[:-2], not_json),
        "two documents": case(good + good, not_json),
        "single quotes": case(good.replace('"', "'") if '"' in good else "['1']", not_json),
        "an extra comma": case(good[:-1] + "," + good[-1], not_json),
        "a comment": case("/* candles */" + good, not_json),
        "a byte order mark": case("\ufeff" + good, not_json),
        "UTF-16": case(good.encode("utf-16"), not_json),
        "Latin-1": case('["\xe9"]'.encode("latin-1"), not_json),
        "overlong UTF-8": case(b'["\xc0\x80"]', not_json),
        "a surrogate in UTF-8": case(b'["\xed\xa0\x80"]', not_json),
        "a raw control character": case('["\x00"]', not_json),
        "NaN": case("[NaN]", GaveUp("it contains NaN, which is not JSON")),
        "Infinity": case("[-Infinity]", GaveUp("it contains -Infinity, which is not JSON")),
        "an integer of 5000 digits": case("[" + "9" * 5000 + "]", not_json),
        "a hundred thousand brackets": case("[" * 100_000, GaveUp("nested too deeply")),
        "a hundred thousand nested objects": case('{"a":' * 100_000, GaveUp("nested too deeply")),
        # JSON that this source does not send
        "null": case("null", wrong_shape),
        "an empty object": case("{}", wrong_shape),
        "a text": case('"candles"', wrong_shape),
        "a number": case("17", wrong_shape),
        "true": case("true", wrong_shape),
        "an error with HTTP 200": case(
            Always(Response(b'{"code":-1003,"msg":"Too many requests.","message":"slow"}')),
            GaveUp(r"the source failed \(HTTP 200, code -1003") if source == "binance" else wrong_shape,
        ),
        "no data of this market": case(NOTHING[source], outcomes()),
        "blanks around the response": case(f"\r\n\t {good} \n", CURATED),
        # content encoding and length
        "good gzip": case(gzipped(good), CURATED),
        "gzip in gzip": case(gzipped(good, times=2), CURATED),
        "a gzip bomb": case(gzipped(bomb), Refused(f"longer than {LONGEST_BODY} bytes")),
        "a gzip bomb in gzip": case(gzipped(bomb, times=2), Refused(f"longer than {LONGEST_BODY} bytes")),
        "gzip in gzip, twenty times": case(gzipped(good, times=20), GaveUp("content encoding is broken")),
        "plain text declared as gzip": case(
            Response(_bytes(good), headers={"Content-Encoding": "gzip"}), GaveUp("content encoding is broken")
        ),
        "a truncated gzip": case(
            Response(gzip.compress(random.Random(1).randbytes(500))[:300], headers={"Content-Encoding": "gzip"}),
            GaveUp("content encoding is broken|not JSON"),
        ),
        "a body shorter than its length": case(
            Response(_bytes(good), headers={"Content-Length": "100000"}), GaveUp("the body was cut off")
        ),
        "a body longer than its length": case(
            Response(_bytes(good) + b"garbage", headers={"Content-Length": str(len(good))}), CURATED
        ),
        "an endless body": case(Response(endless), Refused(f"longer than {LONGEST_BODY} bytes")),
        # time
        "a dripping body": case(dripping(), GaveUp("did not respond in time", requests=1), deadline_seconds=0.4),
        "a dripping error": case(
            dripping(503), GaveUp(r"the source failed \(HTTP 503", requests=1), deadline_seconds=0.4
        ),
        "silence": case(Always(Response(silent)), GaveUp("did not respond in time"), read_timeout_seconds=0.15),
        # rate limits and outages
        "429 forever": case(Always(limited(None)), GaveUp("the rate limit is reached .*HTTP 429")),
        "429, then a response": case([limited("7"), good], outcomes("curated", waits=7)),
        "429 that asks for a negative pause": case(Always(limited("-5")), GaveUp("rate limit")),
        "429 that asks for half a second": case(Always(limited("0.5")), GaveUp("rate limit")),
        "429 that asks for NaN": case(Always(limited("NaN")), GaveUp("rate limit")),
        "429 that asks for a week": case(limited("604800"), GaveUp("requests a wait of 604800 s", requests=1)),
        "429 that asks for 10^400 seconds": case(
            limited("1" + "0" * 400), GaveUp("requests a wait of inf s", requests=1)
        ),
        "429 until the year 9999": case(
            limited("Fri, 31 Dec 9999 23:59:59 GMT"), GaveUp("requests a wait of 2[0-9]+ s", requests=1)
        ),
        "429 until a past day": case(Always(limited("Mon, 18 Dec 2023 00:00:00 GMT")), GaveUp("rate limit")),
        "429 until an invalid date": case(Always(limited("Mon, 99 Foo 2023 77:00:00 GMT")), GaveUp("rate limit")),
        "429 until a date in four seconds": case(
            [limited("Sat, 01 Jun 2024 00:00:04 GMT"), good], outcomes("curated", waits=4)
        ),
        "418 with a ban": case(limited("259200", 418), GaveUp("banned .*requests a wait of 259200 s", requests=1)),
        "503 forever": case(Always(Response(b"<html>down", 503)), GaveUp(r"the source failed \(HTTP 503: <html>down")),
        "503, then a response": case([Response(b"", 503), good], CURATED),
        "500 with a gzip bomb": case(
            Always(replace(gzipped(bomb), status=500)), GaveUp(r"the source failed \(HTTP 500")
        ),
        # refusals
        "400": case(Response(b'{"code":-1100,"msg":"Illegal characters."}', 400), Refused("code -1100: Illegal char")),
        "401": case(
            Response(b'{"error":"no"}', 401),
            Refused("HTTP 401.*" + ("set connection_id" if source == "coingecko" else "takes no API key")),
        ),
        "403": case(Response(b"<html>firewall", 403), GaveUp("refused this network's address .*HTTP 403", requests=1)),
        "418 without an end": case(Response(b"", 418), GaveUp("banned .*does not say until when", requests=1)),
        "404": case(Response(b'{"message":"NotFound"}', 404), Refused("HTTP 404: NotFound")),
        "451": case(Response(b'{"msg":"restricted location"}', 451), Refused("restricted location.*another region")),
        "an error of a hundred thousand brackets": case(Response(b"[" * 100_000, 410), Refused("HTTP 410")),
        "an error code of 5000 digits": case(Response(b'{"code":' + b"9" * 5000 + b"}", 400), Refused("HTTP 400")),
        "an error with terminal colors": case(
            Response(b'{"code":1,"msg":"\\u001b[31mred\\u0000\\n"}', 400), Refused(r"code 1: \[31mred\)")
        ),
        # redirects
        "a redirect to the same place": case(Always(moved("")), Refused("redirected more than 3 times", requests=4)),
        "a redirect in a circle": case(Always(moved("?again")), Refused("redirected more than 3 times", requests=4)),
        "a redirect on the same host": case([moved("elsewhere"), good], CURATED),
        "a redirect to another host": case(moved("https://elsewhere.example/?token=abcd"), Refused("to another host")),
        "a redirect to a host without a scheme": case(moved("//elsewhere.example/"), Refused("to another host")),
        "a redirect to another name of this host": case(moved("http://localhost/"), Refused("to another host")),
        "a redirect to a file": case(moved("file:///etc/passwd"), Refused("to another host")),
        "a redirect to a host with a password": case(moved("http://me:pass@127.0.0.1/"), Refused("to another host")),
        "a redirect to a malformed URL": case(moved("http://[half"), Refused("redirects to an invalid address")),
        "a redirect with an endless body": case(
            Always(Response(endless, 302, {"Location": "?again"})), Refused("redirected more than 3 times", requests=4)
        ),
        "a redirect with a dripping body": case(
            replace(dripping(302), headers={"Location": "?again"}),
            GaveUp("cannot be sent within", requests=1),
            deadline_seconds=0.4,
        ),
        "a redirect without a location": case(Response(status=302), Refused("HTTP 302")),
        # headers
        "500 headers": case(
            Response(_bytes(good), headers={f"X-{n}": "x" for n in range(500)}), GaveUp("the connection failed")
        ),
        "a header of 100 kB": case(
            Response(_bytes(good), headers={"X": "x" * 100_000}), GaveUp("the connection failed")
        ),
        "a type that is not JSON": case(Response(_bytes(good), headers={"Content-Type": "image/png"}), CURATED),
    }


# --- the cases of single sources: records ---------------------------------------------------------------


def every_hour(query: Mapping[str, str]) -> Response:
    """Return a page with one candle, regardless of the requested limit."""
    return Response(rows(kline((int(query["startTime"]) - DAY) / HOUR)).encode())


MANY_DIGITS = "1234567890" * 4
UNPARSEABLE_OPEN = outcomes("unparseable_open_price")
SQL = '''"1'; DROP TABLE crypto.fact_crypto_prices; --"'''

BINANCE = {
    # good records, which must stay exact next to hostile ones
    "a day": case(rows(*(kline(hour) for hour in range(24))), outcomes(*["curated"] * 24)),
    "a day, newest first": case(rows(*(kline(hour) for hour in range(23, -1, -1))), outcomes(*["curated"] * 24)),
    "an empty list": case("[]", outcomes()),
    "an extra column": case(rows(kline(0, '"new"', "[1]")), CURATED),
    "as many digits as fit": case(
        rows(kline(open='"42000.123456789012345678000"', high='"99999999999999999999.999999999999999999"')), CURATED
    ),
    "numbers without quotes": case(rows(kline(open="42000.123456789012345678", volume="1.25e-7")), CURATED),
    "numbers with quotes": case(rows(kline(open_time=f'"{DAY}"', trades='"17"')), CURATED),
    "no quote volume and no trades": case(rows(kline(quote_volume="null", trades="null")), CURATED),
    "emoji in an unused field": case(rows(kline(ignored='"₿ 💥 \\ud83d\\ude00"')), CURATED),
    "half an emoji in an unused field": case(rows(kline(ignored='"\\ud83d"')), CURATED),
    "brackets in an unused field": case(rows(kline(ignored='"],[\\"{\\\\"')), CURATED),
    "a hundred thousand escapes in an unused field": case(rows(kline(ignored='"' + "\\n" * 100_000 + '"')), CURATED),
    "a script in an unused field": case(rows(kline(ignored='"<script>alert(1)</script>"')), CURATED),
    # unparseable prices
    "NaN as a text": case(rows(kline(open='"NaN"')), UNPARSEABLE_OPEN),
    "Infinity as a text": case(rows(kline(high='"Infinity"')), outcomes("unparseable_high_price")),
    "1e400": case(rows(kline(open="1e400")), UNPARSEABLE_OPEN),
    "1e-400": case(rows(kline(open="1e-400")), UNPARSEABLE_OPEN),
    "1e999999999": case(rows(kline(open="1e999999999")), UNPARSEABLE_OPEN),
    "40 digits": case(rows(kline(high=f'"{MANY_DIGITS}"')), outcomes("unparseable_high_price")),
    "40 decimals": case(rows(kline(open=f'"42000.{MANY_DIGITS}"')), UNPARSEABLE_OPEN),
    "2000 digits": case(rows(kline(open="9" * 2000)), GaveUp("it contains a number of 2000 characters")),
    "2000 digits with quotes": case(rows(kline(open=f'"{"9" * 2000}"')), UNPARSEABLE_OPEN),
    "1000 digits": case(rows(kline(open="9" * 1000)), UNPARSEABLE_OPEN),
    "1000 characters": case(rows(kline(open="0." + "9" * 996 + "e1")), UNPARSEABLE_OPEN),
    "6000 decimals": case(rows(kline(open="0." + "9" * 6000)), GaveUp("it contains a number of 6002 characters")),
    "a null price": case(rows(kline(low="null")), outcomes("unparseable_low_price")),
    "an empty price": case(rows(kline(close='""')), outcomes("unparseable_close_price")),
    "a price that is true": case(rows(kline(open="true")), UNPARSEABLE_OPEN),
    "a price in a list": case(rows(kline(open="[42000.1]")), UNPARSEABLE_OPEN),
    "a price in an object": case(rows(kline(open='{"price":42000.1}')), UNPARSEABLE_OPEN),
    "a price in hexadecimal": case(rows(kline(open='"0x1F"')), UNPARSEABLE_OPEN),
    "a price with commas": case(rows(kline(open='"42,000.1"')), UNPARSEABLE_OPEN),
    "a price with a blank": case(rows(kline(open='" 42000.1"')), UNPARSEABLE_OPEN),
    "a price with a plus": case(rows(kline(open='"+42000.1"')), UNPARSEABLE_OPEN),
    "a price with a line feed": case(rows(kline(open='"42000.1\\n"')), UNPARSEABLE_OPEN),
    "a price in wide digits": case(rows(kline(open='"\uff14\uff12\uff10\uff10\uff10"')), UNPARSEABLE_OPEN),
    "a price in Arabic digits": case(rows(kline(open='"\u0664\u0662\u0660\u0660\u0660"')), UNPARSEABLE_OPEN),
    "SQL as a price": case(rows(kline(open=SQL)), UNPARSEABLE_OPEN),
    "a path as a price": case(rows(kline(open='"../../etc/passwd"')), UNPARSEABLE_OPEN),
    # impossible prices
    "a zero price": case(rows(kline(open='"0.00000000"', low='"0"')), outcomes("non_positive_price")),
    "a price of minus zero": case(rows(kline(low='"-0.0"')), outcomes("non_positive_price")),
    "a zero with a huge exponent": case(rows(kline(low="0e999")), outcomes("non_positive_price")),
    "a negative price": case(rows(kline(low='"-41000.5"')), outcomes("non_positive_price")),
    "low and high swapped": case(rows(kline(high='"41000.5"', low='"42100"')), outcomes("price_out_of_range")),
    "an open above the high": case(rows(kline(open='"42100.00000002"')), outcomes("price_out_of_range")),
    "a close below the low": case(rows(kline(close='"41000.499999999999999999"')), outcomes("price_out_of_range")),
    # volumes and counts
    "a negative volume": case(rows(kline(volume='"-12.5"')), outcomes("negative_volume")),
    "a negative quote volume": case(rows(kline(quote_volume="-1e-18")), outcomes("negative_volume")),
    "a volume that is not a number": case(rows(kline(volume='"many"')), outcomes("unparseable_base_volume")),
    "negative trades": case(rows(kline(trades="-1")), outcomes("negative_trade_count")),
    "half a trade": case(rows(kline(trades="17.5")), outcomes("unparseable_trade_count")),
    "2^63 trades": case(rows(kline(trades=str(2**63))), outcomes("unparseable_trade_count")),
    "trades of 4000 digits": case(rows(kline(trades="9" * 4000)), GaveUp("a number of 4000 characters")),
    # times
    "a time as a float": case(rows(kline(open_time=f"{DAY}.0")), outcomes("unparseable_observed_at")),
    "a time with an exponent": case(rows(kline(open_time="1.7028576e12")), outcomes("unparseable_observed_at")),
    "a time in words": case(rows(kline(open_time='"2023-12-18T00:00:00Z"')), outcomes("unparseable_observed_at")),
    "a null time": case(rows(kline(open_time="null")), outcomes("unparseable_observed_at")),
    "a time that is true": case(rows(kline(open_time="true")), outcomes("unparseable_observed_at")),
    "a negative time": case(rows(kline(), kline(1, open_time="-1")), outcomes("curated", "unparseable_observed_at")),
    "only a negative time": case(rows(kline(open_time="-1")), Refused("does not advance")),
    "a time in seconds": case(
        rows(kline(), kline(1, open_time=str(DAY_S))), Refused(f"the time {DAY_S}, which is in seconds")
    ),
    "only times in seconds": case(rows(kline(open_time=str(DAY_S))), Refused("in seconds .*must be in milliseconds")),
    "only times in microseconds": case(
        rows(kline(open_time=str(DAY * 1000))),
        Refused(r"in microseconds \(2023-12-18T00:00:00Z\).*must be in milliseconds"),
    ),
    "times in nanoseconds": case(rows(kline(open_time=f'"{DAY}000000"')), Refused("in nanoseconds")),
    "an empty response in an outage": case(["[]", rows(kline())], CURATED),
    "the year 9999": case(rows(kline(), kline(1, open_time="253402300799999")), outcomes("curated", "outside_window")),
    "the year 10000": case(
        rows(kline(), kline(1, open_time="253402300800000")), outcomes("curated", "unparseable_observed_at")
    ),
    "a time beyond 64 bits": case(
        rows(kline(), kline(1, open_time="9" * 25)), outcomes("curated", "unparseable_observed_at")
    ),
    "the day before": case(rows(kline(), kline(-1)), outcomes("curated", "outside_window")),
    "the day after": case(rows(kline(), kline(24)), outcomes("curated", "outside_window")),
    "half past": case(rows(kline(0.5)), outcomes("off_grid")),
    "a millisecond past": case(rows(kline(open_time=str(DAY + 1))), outcomes("off_grid")),
    "a candle that is still open": case(rows(kline(close_time=str(DAY + HOUR - 2))), outcomes("candle_not_closed")),
    "a close time in seconds": case(rows(kline(close_time=str(DAY_S + HOUR_S))), outcomes("candle_not_closed")),
    "a null close time": case(rows(kline(close_time="null")), outcomes("unparseable_close_time")),
    "a negative close time": case(rows(kline(close_time="-1")), outcomes("unparseable_close_time")),
    # malformed rows
    "a null row": case(rows("null", kline()), outcomes("malformed_record", "curated")),
    "an empty row": case(rows("[]", kline()), outcomes("malformed_record", "curated")),
    "a row that is an object": case(rows('{"open":1}', kline()), outcomes("malformed_record", "curated")),
    "a row that is a text": case(rows('"x"', kline()), outcomes("malformed_record", "curated")),
    "a row that is a number": case(rows("1e400", kline()), outcomes("malformed_record", "curated")),
    "a row in a list": case(rows(rows(kline()), kline()), outcomes("malformed_record", "curated")),
    "a missing column": case(rows(kline().rsplit(",", 1)[0] + "]"), outcomes("malformed_record")),
    "only null rows": case(rows("null", "null"), outcomes("malformed_record", "malformed_record")),
    "a full page of null rows": case(rows(*["null"] * 1000), Refused("no open time can be read")),
    "a list in a list in a list": case(rows(kline(ignored="[[1]]")), CURATED),
    "a list too deep for the job": case(rows(kline(ignored="[[[1]]]")), RejectedByJob()),
    "a name twice in an object": case(rows(kline(0, '{"a":1,"a":2}')), GaveUp('not JSON .*"a" twice')),
    # copies
    "a copy": case(rows(kline(), kline()), outcomes("curated", "duplicate")),
    "a copy with other digits": case(rows(kline(), kline(open="42000.1")), outcomes("curated", "duplicate")),
    "a conflicting copy": case(
        rows(kline(), kline(close='"42050.26"'), kline()), outcomes(*["conflicting_duplicate"] * 3)
    ),
    "a broken copy": case(rows(kline(open='"x"'), kline()), outcomes("unparseable_open_price", "curated")),
    # pages
    "overlapping pages": case(
        [rows(*(kline(hour) for hour in (0, 1, 2))), rows(*(kline(hour) for hour in (2, 3)))],
        outcomes("curated", "curated", "curated", "duplicate", "curated"),
    ),
    "conflicting pages": case(
        [rows(kline(0), kline(1)), rows(kline(1, close='"42050"'), kline(2))],
        outcomes("curated", "conflicting_duplicate", "conflicting_duplicate", "curated"),
    ),
    "the same page forever": case(Always(Response(rows(kline()).encode())), Refused("does not advance", requests=2)),
    "endless pages of one candle": case(Always(every_hour), Refused("3 pages", requests=3)),
    "a page, then failures": case(
        [rows(kline()), *[Response(b"", 502)] * ATTEMPTS], GaveUp("HTTP 502", requests=1 + ATTEMPTS)
    ),
    # only Binance
    "no such market": case(
        Response(b'{"code":-1121,"msg":"Invalid symbol."}', 400), Refused("binance has no market .*Invalid symbol")
    ),
    "a weight of 5000 digits": case(
        Response(GOOD["binance"].encode(), headers={"X-MBX-USED-WEIGHT-1M": "9" * 5000}), outcomes("curated", waits=60)
    ),
    "a negative weight": case(Response(GOOD["binance"].encode(), headers={"X-MBX-USED-WEIGHT-1M": "-1"}), CURATED),
    # symbols
    "a path as the symbol": case([], InvalidSymbol("../../ETC")),
    "SQL as the symbol": case([], InvalidSymbol("BTCUSDT';DROP")),
    "a query as the symbol": case([], InvalidSymbol("BTCUSDT&LIMIT=1")),
    "a Cyrillic letter in the symbol": case([], InvalidSymbol("\u0412TCUSDT")),
    "a line feed in the symbol": case([], InvalidSymbol("BTCUSDT\n")),
    "no symbol": case([], InvalidSymbol("")),
    "a symbol of a thousand letters": case([], InvalidSymbol("A" * 1000)),
}

BITFINEX = {
    "a day, newest first": case(rows(*(finex(hour) for hour in range(23, -1, -1))), outcomes(*["curated"] * 24)),
    "a day in any order": case(rows(*(finex(hour * 7 % 24) for hour in range(24))), outcomes(*["curated"] * 24)),
    "an extra column": case(rows(finex(0, '"new"', "[1]")), CURATED),
    "as many digits as fit": case(
        rows(finex(open="42000.123456789012345678000", high="99999999999999999999.999999999999999999")), CURATED
    ),
    "numbers with quotes": case(rows(finex(time=f'"{DAY}"', open='"42000.1"')), CURATED),
    "numbers with exponents": case(rows(finex(low="4.1e4", volume="1E-18")), CURATED),
    "no volume": case(rows(finex(volume="0")), CURATED),
    # prices, volumes and times
    "NaN as a text": case(rows(finex(open='"NaN"')), UNPARSEABLE_OPEN),
    "1e400": case(rows(finex(open="1e400")), UNPARSEABLE_OPEN),
    "40 decimals": case(rows(finex(open=f"42000.{MANY_DIGITS}")), UNPARSEABLE_OPEN),
    "a null price": case(rows(finex(close="null")), outcomes("unparseable_close_price")),
    "a negative price": case(rows(finex(low="-41000.5")), outcomes("non_positive_price")),
    "columns in Binance's order": case(
        rows(rows(str(DAY), "42000.1", "42100", "41000.5", "42050.25", "12.5")), outcomes("price_out_of_range")
    ),
    "a negative volume": case(rows(finex(volume="-1e-18")), outcomes("negative_volume")),
    "a null volume": case(rows(finex(volume="null")), outcomes("unparseable_base_volume")),
    "a time in words": case(rows(finex(time='"2023-12-18"')), outcomes("unparseable_observed_at")),
    "a null time": case(rows(finex(time="null")), outcomes("unparseable_observed_at")),
    "a time in seconds": case(rows(finex(time=str(DAY_S))), Refused("in seconds .*must be in milliseconds")),
    "half past": case(rows(finex(0.5)), outcomes("off_grid")),
    "the hour before": case(rows(finex(-1), finex()), outcomes("outside_window", "curated")),
    "the hour after": case(rows(finex(24), finex()), outcomes("outside_window", "curated")),
    "an empty response in an outage": case(["[]", rows(finex())], CURATED),
    # malformed rows and copies
    "a null row": case(rows("null", finex()), outcomes("malformed_record", "curated")),
    "an empty row": case(rows("[]", finex()), outcomes("malformed_record", "curated")),
    "a missing column": case(rows(finex().rsplit(",", 1)[0] + "]"), outcomes("malformed_record")),
    "a list too deep for the job": case(rows(finex(0, "[[[1]]]")), RejectedByJob()),
    "a copy with other digits": case(rows(finex(), finex(open="42000.1")), outcomes("curated", "duplicate")),
    "a conflicting copy": case(rows(finex(), finex(volume="1")), outcomes(*["conflicting_duplicate"] * 2)),
    # only Bitfinex: errors are lists
    "no such market": case(
        Response(b'["error",10020,"symbol: invalid"]', 500),
        Refused("bitfinex rejected the request for .*code 10020: symbol: invalid"),
    ),
    "no such market with HTTP 200": case('["error",10020,"symbol: invalid"]', Refused("code 10020: symbol: invalid")),
    "maintenance with HTTP 200": case(Always(Response(b'["error",20060,"maintenance"]')), GaveUp("code 20060")),
    "an unknown error with HTTP 200": case('["error",17,"?"]', Refused(NOT_ITS_SHAPE["bitfinex"] + ".*17")),
    "an error without a code with HTTP 200": case('["error"]', Refused(NOT_ITS_SHAPE["bitfinex"])),
    "a block of a minute": case(
        Response(b'["error",11010,"ratelimit: error"]', 429),
        GaveUp("code 11010: ratelimit: error.*requests a wait of 60 s", requests=1),
    ),
    # symbols
    "a path as the symbol": case([], InvalidSymbol("t../USD")),
    "a funding currency as the symbol": case([], InvalidSymbol("fUSD")),
    "a line feed in the symbol": case([], InvalidSymbol("tBTCUSD\n")),
    "no symbol": case([], InvalidSymbol("")),
}

BITSTAMP = {
    "a day, newest first": case(ohlc(*(stamp(hour) for hour in range(23, -1, -1))), outcomes(*["curated"] * 24)),
    "a day in any order": case(ohlc(*(stamp(hour * 7 % 24) for hour in range(24))), outcomes(*["curated"] * 24)),
    "an extra member": case(ohlc(stamp(0, '"new":"],["')), CURATED),
    "as many digits as fit": case(
        ohlc(stamp(open='"42000.123456789012345678000"', high='"99999999999999999999.999999999999999999"')), CURATED
    ),
    "numbers without quotes": case(ohlc(stamp(timestamp=str(DAY_S), open="42000.1")), CURATED),
    "numbers with exponents": case(ohlc(stamp(low='"4.1e4"', volume="1E-18")), CURATED),
    "an hour without a trade": case(
        ohlc(stamp(open='"7"', high='"7"', low='"7"', close='"7"', volume='"0.00000000"')), CURATED
    ),
    "members in a different order": case('{"data":{"pair":"X","ohlc":[' + stamp() + ']},"more":1}', CURATED),
    # prices, volumes and times
    "NaN as a text": case(ohlc(stamp(open='"NaN"')), UNPARSEABLE_OPEN),
    "40 decimals": case(ohlc(stamp(open=f'"42000.{MANY_DIGITS}"')), UNPARSEABLE_OPEN),
    "a null price": case(ohlc(stamp(close="null")), outcomes("unparseable_close_price")),
    "a negative price": case(ohlc(stamp(low='"-41000.5"')), outcomes("non_positive_price")),
    "low and high swapped": case(ohlc(stamp(low='"42100"', high='"41000.5"')), outcomes("price_out_of_range")),
    "a negative volume": case(ohlc(stamp(volume='"-1e-18"')), outcomes("negative_volume")),
    "a time in words": case(ohlc(stamp(timestamp='"2023-12-18"')), outcomes("unparseable_observed_at")),
    "a null time": case(ohlc(stamp(timestamp="null")), outcomes("unparseable_observed_at")),
    "a time in milliseconds": case(ohlc(stamp(timestamp=f'"{DAY}"')), Refused("in milliseconds .*must be in seconds")),
    "half past": case(ohlc(stamp(0.5)), outcomes("off_grid")),
    "the hour before": case(ohlc(stamp(-1), stamp()), outcomes("surplus", "curated")),
    "the hour after": case(ohlc(stamp(42 * 24), stamp()), outcomes("surplus", "curated")),
    "a broken candle of the hour before": case(
        ohlc(f'{{"timestamp":"{DAY_S - HOUR_S}"}}', stamp()), outcomes("surplus", "curated")
    ),
    "an empty response in an outage": case([ohlc(), ohlc(stamp())], CURATED),
    # malformed candles, copies and pages
    "a null candle": case(ohlc("null", stamp()), outcomes("malformed_record", "curated")),
    "an empty candle": case(ohlc("{}", stamp()), outcomes("malformed_record", "curated")),
    "a candle that is a list": case(ohlc("[1]", stamp()), outcomes("malformed_record", "curated")),
    "a missing member": case(ohlc(stamp().replace('"low"', '"lowest"')), outcomes("malformed_record")),
    "a name twice in an object": case(ohlc(stamp(0, '"low":"1"')), GaveUp('not JSON .*"low" twice')),
    "a list too deep for the job": case(ohlc(stamp(0, '"new":[1]')), RejectedByJob()),
    "a copy with other digits": case(ohlc(stamp(), stamp(open='"42000.1"')), outcomes("curated", "duplicate")),
    "a conflicting copy": case(ohlc(stamp(), stamp(volume='"1"')), outcomes(*["conflicting_duplicate"] * 2)),
    "a response that reaches back into the page before": case(
        [ohlc(stamp(999)), ohlc(stamp(999), stamp(1000))], outcomes("curated", "duplicate", "curated")
    ),
    "a page, then failures": case(
        [ohlc(stamp()), *[Response(b"", 502)] * ATTEMPTS], GaveUp("HTTP 502", requests=1 + ATTEMPTS)
    ),
    # only Bitstamp
    "candles that are null": case('{"data":{"ohlc":null,"pair":"X"}}', Refused(NOT_ITS_SHAPE["bitstamp"])),
    "data in a list": case('{"data":[]}', Refused(NOT_ITS_SHAPE["bitstamp"])),
    "no such market": case(Response(b'{"reason":"Not found."}', 404), Refused("bitstamp has no market .*Not found")),
    "a rate limit with HTTP 400": case(
        [Response(b'{"status":"error","reason":"Slow down.","response_code":"400.002"}', 400), ohlc(stamp())], CURATED
    ),
    "a block of a quarter of an hour": case(
        Response(b"10.10.10.10 blocked for 900 seconds", 429), GaveUp("requests a wait of 900 s", requests=1)
    ),
    # symbols
    "a path as the symbol": case([], InvalidSymbol("../btcusd")),
    "a perpetual as the symbol": case([], InvalidSymbol("btcusd-perp")),
    "a line feed in the symbol": case([], InvalidSymbol("btcusd\n")),
    "no symbol": case([], InvalidSymbol("")),
}

COINBASE = {
    "a day, newest first": case(rows(*(candle(hour) for hour in range(23, -1, -1))), outcomes(*["curated"] * 24)),
    "a day in any order": case(rows(*(candle(hour * 7 % 24) for hour in range(24))), outcomes(*["curated"] * 24)),
    "an empty list": case("[]", outcomes()),
    "an extra column": case(rows(candle(0, '"new"', "[1]")), CURATED),
    "as many digits as fit": case(
        rows(candle(open="42000.123456789012345678000", high="99999999999999999999.999999999999999999")), CURATED
    ),
    "numbers with quotes": case(rows(candle(time=f'"{DAY_S}"', open='"42000.1"')), CURATED),
    "numbers with exponents": case(rows(candle(low="4.1e4", volume="1E-18")), CURATED),
    "brackets in an unused field": case(rows(candle(0, '"],[\\"{\\\\"')), CURATED),
    "half an emoji in an unused field": case(rows(candle(0, '"\\ud83d"')), CURATED),
    "a thousand extra columns": case(rows(candle(0, *["1"] * 1000)), CURATED),
    # unparseable prices
    "NaN as a text": case(rows(candle(open='"NaN"')), UNPARSEABLE_OPEN),
    "Infinity as a text": case(rows(candle(high='"-Infinity"')), outcomes("unparseable_high_price")),
    "1e400": case(rows(candle(open="1e400")), UNPARSEABLE_OPEN),
    "1e-19": case(rows(candle(open="1e-19")), UNPARSEABLE_OPEN),
    "1e999999999": case(rows(candle(open="1e999999999")), UNPARSEABLE_OPEN),
    "40 digits": case(rows(candle(high=MANY_DIGITS)), outcomes("unparseable_high_price")),
    "40 decimals": case(rows(candle(open=f"42000.{MANY_DIGITS}")), UNPARSEABLE_OPEN),
    "2000 digits": case(rows(candle(open="9" * 2000)), GaveUp("it contains a number of 2000 characters")),
    "1000 digits": case(rows(candle(open="9" * 1000)), UNPARSEABLE_OPEN),
    "1000 characters": case(rows(candle(open="0." + "9" * 996 + "e1")), UNPARSEABLE_OPEN),
    "6000 decimals": case(rows(candle(open="0." + "9" * 6000)), GaveUp("it contains a number of 6002 characters")),
    "a null price": case(rows(candle(low="null")), outcomes("unparseable_low_price")),
    "an empty price": case(rows(candle(close='""')), outcomes("unparseable_close_price")),
    "a price that is true": case(rows(candle(open="true")), UNPARSEABLE_OPEN),
    "a price in a list": case(rows(candle(open="[42000.1]")), UNPARSEABLE_OPEN),
    "a price in an object": case(rows(candle(open='{"price":42000.1}')), UNPARSEABLE_OPEN),
    "a price in wide digits": case(rows(candle(open='"\uff14\uff12\uff10\uff10\uff10"')), UNPARSEABLE_OPEN),
    "SQL as a price": case(rows(candle(open=SQL)), UNPARSEABLE_OPEN),
    "a path as a price": case(rows(candle(open='"../../etc/passwd"')), UNPARSEABLE_OPEN),
    # impossible prices and volumes
    "a zero price": case(rows(candle(open="0", low="0")), outcomes("non_positive_price")),
    "a price of minus zero": case(rows(candle(low="-0.0")), outcomes("non_positive_price")),
    "a negative price": case(rows(candle(low="-41000.5")), outcomes("non_positive_price")),
    "low and high swapped": case(rows(candle(low="42100", high="41000.5")), outcomes("price_out_of_range")),
    "columns in Binance's order": case(
        rows(rows(str(DAY_S), "42000.1", "42100", "41000.5", "42050.25", "12.5")), outcomes("price_out_of_range")
    ),
    "an open above the high": case(rows(candle(open="42100.00000002")), outcomes("price_out_of_range")),
    "a negative volume": case(rows(candle(volume="-1e-18")), outcomes("negative_volume")),
    "a null volume": case(rows(candle(volume="null")), outcomes("unparseable_base_volume")),
    # times
    "a time as a float": case(rows(candle(time=f"{DAY_S}.0")), outcomes("unparseable_observed_at")),
    "a time with an exponent": case(rows(candle(time="1.7028576e9")), outcomes("unparseable_observed_at")),
    "a time in words": case(rows(candle(time='"2023-12-18T00:00:00Z"')), outcomes("unparseable_observed_at")),
    "a null time": case(rows(candle(time="null")), outcomes("unparseable_observed_at")),
    "a time that is false": case(rows(candle(time="false")), outcomes("unparseable_observed_at")),
    "a negative time": case(rows(candle(time="-1")), outcomes("unparseable_observed_at")),
    "a time in milliseconds": case(
        rows(candle(), candle(time=str(DAY))), Refused("in milliseconds .*must be in seconds")
    ),
    "a time in microseconds": case(rows(candle(time=f"{DAY}000")), Refused("in microseconds .*must be in seconds")),
    "an empty response in an outage": case(["[]", rows(candle())], CURATED),
    "the year 10000": case(rows(candle(time="253402300800")), outcomes("unparseable_observed_at")),
    "a time beyond 64 bits": case(rows(candle(time="9" * 25)), outcomes("unparseable_observed_at")),
    "half past": case(rows(candle(0.5)), outcomes("off_grid")),
    "a second past": case(rows(candle(time=str(DAY_S + 1))), outcomes("off_grid")),
    # Coinbase can return candles outside the requested range, which do not count as fetched
    "the year 9999": case(rows(candle(time="253402300799")), outcomes("surplus")),
    "1970": case(rows(candle(time="-0")), outcomes("surplus")),
    "the hour before": case(rows(candle(-1), candle()), outcomes("surplus", "curated")),
    "the hour after": case(rows(candle(13 * 24), candle()), outcomes("surplus", "curated")),
    "the hour before with quotes and zeros": case(rows(candle(time=f'"000{DAY_S - HOUR_S}"')), outcomes("surplus")),
    "the hour before in escapes": case(
        rows(candle(time='"\\u0031' + str(DAY_S - HOUR_S)[1:] + '"')), outcomes("surplus")
    ),
    "an hour in escapes": case(rows(candle(time='"\\u0031' + str(DAY_S)[1:] + '"')), CURATED),
    "a broken row of the hour before": case(rows(f"[{DAY_S - HOUR_S}]", candle()), outcomes("surplus", "curated")),
    # malformed rows
    "a null row": case(rows("null", candle()), outcomes("malformed_record", "curated")),
    "an empty row": case(rows("[]", candle()), outcomes("malformed_record", "curated")),
    "a row that is an object": case(rows('{"time":1}', candle()), outcomes("malformed_record", "curated")),
    "a row that is a text": case(rows('"x"', candle()), outcomes("malformed_record", "curated")),
    "a row in a list": case(rows(rows(candle()), candle()), outcomes("malformed_record", "curated")),
    "a missing column": case(rows(candle().rsplit(",", 1)[0] + "]"), outcomes("malformed_record")),
    "a list too deep for the job": case(rows(candle(0, "[[[1]]]")), RejectedByJob()),
    "a name twice in an object": case(rows(candle(0, '{"a":1,"a":2}')), GaveUp('not JSON .*"a" twice')),
    # copies
    "a copy": case(rows(candle(), candle()), outcomes("curated", "duplicate")),
    "a copy with other digits": case(rows(candle(), candle(open='"42000.1"')), outcomes("curated", "duplicate")),
    "a conflicting copy": case(rows(candle(), candle(volume="1")), outcomes(*["conflicting_duplicate"] * 2)),
    "a broken copy": case(rows(candle(open='"x"'), candle()), outcomes("unparseable_open_price", "curated")),
    # pages
    "more rows than the limit": case(rows(*(candle(hour) for hour in range(312))), outcomes(*["curated"] * 312)),
    "overlapping pages": case(
        [rows(candle(299)), rows(candle(300), candle(299))], outcomes("curated", "curated", "duplicate")
    ),
    "conflicting pages": case(
        [rows(candle(299)), rows(candle(299, volume="1"))], outcomes(*["conflicting_duplicate"] * 2)
    ),
    "the same page forever": case(Always(Response(rows(candle()).encode())), outcomes("curated", "duplicate")),
    "a page, then failures": case(
        [rows(candle()), *[Response(b"", 502)] * ATTEMPTS], GaveUp("HTTP 502", requests=1 + ATTEMPTS)
    ),
    "no such product": case(Response(b'{"message":"NotFound"}', 404), Refused("coinbase has no product .*NotFound")),
    # symbols
    "a path as the symbol": case([], InvalidSymbol("../BTC-USD")),
    "SQL as the symbol": case([], InvalidSymbol("BTC-USD';DROP")),
    "an escaped path as the symbol": case([], InvalidSymbol("BTC%2F-USD")),
    "a Cyrillic letter in the symbol": case([], InvalidSymbol("\u0412TC-USD")),
    "a line feed in the symbol": case([], InvalidSymbol("BTC-USD\n")),
    "no symbol": case([], InvalidSymbol("")),
    "a symbol of a thousand letters": case([], InvalidSymbol("A" * 1000 + "-USD")),
}

COINGECKO = {
    "a day": case(chart(*(point(hour) for hour in range(24))), outcomes(*["curated"] * 24)),
    "a day in any order": case(chart(*(point(hour * 7 % 24) for hour in range(24))), outcomes(*["curated"] * 24)),
    "an empty list": case("[]", Refused(NOT_ITS_SHAPE["coingecko"])),
    "as many digits as fit": case(
        chart(point(price="99999999999999999999.999999999999999999", cap="123456789012345678901234567890.12345678")),
        CURATED,
    ),
    "numbers with quotes": case(chart(point(time=f'"{DAY}"', price='"42000.1"')), CURATED),
    "a price with an exponent": case(chart(point(price="1.5e-7")), CURATED),
    "an extra column": case(chart(Point(f"[{DAY},1,2,3]", f"[{DAY},5,6]", "[]")), CURATED),
    "an extra member": case(chart(point(), more='"more":{"x":[1,"],["]}'), CURATED),
    "members in a different order and with blanks": case(
        f'{{ "total_volumes" : [] ,\n"prices":[ [{DAY} , 1.50 ] ],\t"market_caps":[[{DAY},2]]}}', CURATED
    ),
    # unparseable prices
    "NaN as a text": case(chart(point(price='"NaN"')), UNPARSEABLE_OPEN),
    "1e400": case(chart(point(price="1e400")), UNPARSEABLE_OPEN),
    "1e-19": case(chart(point(price="1e-19")), UNPARSEABLE_OPEN),
    "1e999999999": case(chart(point(price="1e999999999")), UNPARSEABLE_OPEN),
    "40 digits": case(chart(point(price=MANY_DIGITS)), UNPARSEABLE_OPEN),
    "40 decimals": case(chart(point(price=f"42000.{MANY_DIGITS}")), UNPARSEABLE_OPEN),
    "2000 digits": case(chart(point(price="9" * 2000)), GaveUp("it contains a number of 2000 characters")),
    "1000 digits": case(chart(point(price="9" * 1000)), UNPARSEABLE_OPEN),
    "1000 characters": case(chart(point(price="0." + "9" * 996 + "e1")), UNPARSEABLE_OPEN),
    "6000 decimals": case(chart(point(price="0." + "9" * 6000)), GaveUp("it contains a number of 6002 characters")),
    "a null price": case(chart(point(price="null")), UNPARSEABLE_OPEN),
    "a price that is true": case(chart(point(price="true")), UNPARSEABLE_OPEN),
    "a price in a list": case(chart(point(price="[1]")), UNPARSEABLE_OPEN),
    "a price in an object": case(chart(point(price='{"usd":1}')), UNPARSEABLE_OPEN),
    "a price in wide digits": case(chart(point(price='"\uff14\uff12\uff10\uff10\uff10"')), UNPARSEABLE_OPEN),
    "SQL as a price": case(chart(point(price=SQL)), UNPARSEABLE_OPEN),
    "a path as a price": case(chart(point(price='"../../etc/passwd"')), UNPARSEABLE_OPEN),
    # impossible prices and market capitalizations
    "a zero price": case(chart(point(price="0")), outcomes("non_positive_price")),
    "a price of minus zero": case(chart(point(price="-0.0")), outcomes("non_positive_price")),
    "a negative price": case(chart(point(price="-1")), outcomes("non_positive_price")),
    "a negative market cap": case(chart(point(cap="-1e-8")), outcomes("negative_volume")),
    "a market cap with too many decimals": case(chart(point(cap="823456789012.123456789")), CURATED),
    "a market cap of 40 digits": case(chart(point(cap="8" * 40)), outcomes("unparseable_market_cap")),
    "a market cap that is not a number": case(chart(point(cap='"much"')), outcomes("unparseable_market_cap")),
    "a null market cap": case(chart(point(cap="null")), CURATED),
    "no market caps": case(chart(point(), market_caps="[]"), CURATED),
    "a market cap with a different time": case(chart(point(cap_time=str(DAY))), CURATED),
    "a missing market cap in the middle": case(
        chart(*(point(hour) for hour in range(5)), market_caps=rows(*(point(hour).cap for hour in (0, 1, 3, 4)))),
        outcomes(*["curated"] * 5),
    ),
    "market caps in any order": case(
        chart(point(), point(1), market_caps=rows(point(1, cap="2").cap, point(cap="1").cap)),
        outcomes("curated", "curated"),
    ),
    "two market caps of one time": case(
        chart(point(), point(1), market_caps=rows(point().cap, point(cap="1").cap, point(1).cap)),
        outcomes("malformed_record", "curated"),
    ),
    "a volume that is not a number": case(chart(point(volume='"many"')), CURATED),
    # times
    "a time as a float": case(chart(point(time=f"{DAY}.0")), outcomes("unparseable_observed_at")),
    "a time with an exponent": case(chart(point(time="1.7028576e12")), outcomes("unparseable_observed_at")),
    "a time in words": case(chart(point(time='"2023-12-18"')), outcomes("unparseable_observed_at")),
    "a null time": case(chart(point(time="null")), outcomes("unparseable_observed_at")),
    "a time that is true": case(chart(point(time="true")), outcomes("unparseable_observed_at")),
    "a negative time": case(chart(point(time="-1")), outcomes("unparseable_observed_at")),
    "the year 10000": case(chart(point(time="253402300800000")), outcomes("unparseable_observed_at")),
    "a time beyond 64 bits": case(chart(point(time="9" * 25)), outcomes("unparseable_observed_at")),
    "a time in escapes": case(chart(point(time='"\\u0031' + str(DAY - HOUR)[1:] + '"')), outcomes("surplus")),
    "a time in seconds": case(chart(point(time=str(DAY_S))), Refused("in seconds .*must be in milliseconds")),
    "a time in microseconds": case(chart(point(time=f"{DAY}000")), Refused("in microseconds")),
    "an empty response in an outage": case([chart(), chart(point())], CURATED),
    "the year 9999": case(chart(point(time="253402300799999")), outcomes("surplus")),
    "the hour before": case(chart(point(-1), point()), outcomes("surplus", "curated")),
    "the hour after": case(chart(point(91 * 24), point()), outcomes("surplus", "curated")),
    "a broken row of the hour before": case(
        chart(Point(f"[{DAY - 1}]", "null", "7"), point()), outcomes("surplus", "curated")
    ),
    "a quarter of an hour late": case(chart(point(late_ms=900_000)), CURATED),
    "a millisecond more than a quarter of an hour late": case(chart(point(late_ms=900_001)), outcomes("off_grid")),
    "a millisecond too early": case(chart(point(1, late_ms=-1)), outcomes("off_grid")),
    # Four points could be the hour's price, and they differ, so none of them is curated.
    "a point every five minutes": case(
        chart(*(point(0, minute * 60_000, price=str(42000 + minute)) for minute in range(0, 60, 5))),
        outcomes(*["conflicting_duplicate"] * 4, *["off_grid"] * 8),
    ),
    # malformed rows and tables
    "a null row": case(chart(Point("null", "null", "null"), point()), outcomes("malformed_record", "curated")),
    "an empty row": case(chart(Point("[]", "[]", "[]"), point()), outcomes("malformed_record", "curated")),
    "a row that is an object": case(chart(Point('{"t":1}', "[]", "[]")), outcomes("malformed_record")),
    "a row that is a text": case(chart(Point('"],[\\""', '"x"', '"x"')), outcomes("malformed_record")),
    "a row without a price": case(chart(Point(f"[{DAY}]", f"[{DAY},1]", f"[{DAY},1]")), outcomes("malformed_record")),
    "fewer prices than market caps": case(chart(point(), point(1), prices=rows(point().price)), CURATED),
    "fewer volumes than prices": case(chart(point(), point(1), total_volumes="[]"), outcomes("curated", "curated")),
    "prices that are null": case(chart(prices="null"), Refused(NOT_ITS_SHAPE["coingecko"])),
    "prices in an object": case(chart(prices='{"0":[1,2]}'), Refused(NOT_ITS_SHAPE["coingecko"])),
    "prices in a text": case(chart(prices='"[[1,2]]"'), Refused(NOT_ITS_SHAPE["coingecko"])),
    "volumes that are a number": case(chart(point(), total_volumes="0"), Refused(NOT_ITS_SHAPE["coingecko"])),
    "no volumes at all": case('{"prices":[],"market_caps":[]}', Refused(NOT_ITS_SHAPE["coingecko"])),
    "a list too deep for the job": case(chart(point(), more='"more":[[[[1]]]]'), RejectedByJob()),
    "prices twice": case(chart(point(), more='"prices":[]'), GaveUp('not JSON .*"prices" twice')),
    "prices twice, once in escapes": case(
        chart(point(), more=f'"pri\\u0063es":[[{DAY},1]]'), GaveUp('not JSON .*"prices" twice')
    ),
    "prices only in escapes": case(chart(point()).replace("prices", "pri\\u0063es"), RejectedByJob()),
    # copies and pages
    "a copy": case(chart(point(), point()), outcomes("curated", "duplicate")),
    "a copy with other digits": case(
        chart(point(), point(price="4.2000123456789e4")), outcomes("curated", "duplicate")
    ),
    "a conflicting copy": case(chart(point(), point(price="1")), outcomes(*["conflicting_duplicate"] * 2)),
    "a copy with a different market cap": case(chart(point(), point(cap="null")), outcomes(*["malformed_record"] * 2)),
    "a broken copy": case(chart(point(price='"x"'), point()), outcomes("unparseable_open_price", "curated")),
    "overlapping pages": case(
        [chart(point(45 * 24)), chart(point(45 * 24), point(46 * 24))], outcomes("curated", "duplicate", "curated")
    ),
    "conflicting pages": case([chart(point()), chart(point(price="1"))], outcomes(*["conflicting_duplicate"] * 2)),
    "the same page forever": case(Always(Response(chart(point()).encode())), outcomes("curated", "duplicate")),
    "a page, then failures": case(
        [chart(point()), *[Response(b"", 502)] * ATTEMPTS], GaveUp("HTTP 502", requests=1 + ATTEMPTS)
    ),
    # only CoinGecko
    "no such coin": case(Response(b'{"error":"coin not found"}', 404), Refused("coingecko has no coin .*not found")),
    "days outside the plan": case(
        Response(b'{"error":{"status":{"error_code":10012,"error_message":"exceeds"}}}', 401), Refused("a paid plan")
    ),
    "CoinGecko's error with HTTP 200": case(
        '{"status":{"error_code":429,"error_message":"slow down"}}', Refused(NOT_ITS_SHAPE["coingecko"] + ".*slow")
    ),
    # symbols
    "a path as the symbol": case([], InvalidSymbol("../bitcoin")),
    "SQL as the symbol": case([], InvalidSymbol("bitcoin';drop")),
    "an escaped path as the symbol": case([], InvalidSymbol("bit%2fcoin")),
    "a Cyrillic letter in the symbol": case([], InvalidSymbol("bitc\u043ein")),
    "a line feed in the symbol": case([], InvalidSymbol("bitcoin\n")),
    "no symbol": case([], InvalidSymbol("")),
    "a symbol of many words": case([], InvalidSymbol("b" + "-x" * 9)),
}

OWN_CASES = {
    "binance": BINANCE,
    "bitfinex": BITFINEX,
    "bitstamp": BITSTAMP,
    "coinbase": COINBASE,
    "coingecko": COINGECKO,
}
CASES = {source: transport_cases(source) | own for source, own in OWN_CASES.items()}


# --- running the cases --------------------------------------------------------------------------------------------


class Clock:
    """A clock that advances with real time and with sleeps, which take no time."""

    def __init__(self) -> None:
        self.slept = 0.0

    def sleep(self, seconds: float) -> None:
        self.slept += seconds

    def monotonic(self) -> float:
        return time.monotonic() + self.slept

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.slept)


@dataclass(frozen=True)
class Fetched:
    """How the fetch of a case ended: with pages or with an error."""

    exchange_symbol: str
    pages: list[Page]
    error: Exception | None
    requests: int
    slept: float
    seconds: float


@dataclass(frozen=True)
class Judged:
    """The results of all cases of a source: the fetches, and the rows of the landed ones in order."""

    fetched: dict[str, Fetched]
    rows: dict[str, list[Any]]
    records_landed: int
    surplus_landed: int
    mismatches: int
    disagreements: list[dict[str, Any]]


class Stage:
    """A server on loopback. The first part of a path is the name of the case."""

    def __init__(self) -> None:
        self.cases: dict[str, tuple[Case, str]] = {}
        self.requests: Counter[str] = Counter()
        self._server = make_server("127.0.0.1", 0, self._respond, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _respond(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        name = environ["PATH_INFO"].split("/")[1]
        played, source = self.cases[name]
        number = self.requests[name]
        self.requests[name] += 1
        last = played.responses[-1] if played.responses else None
        if number < len(played.responses):
            response = played.responses[number]
        elif isinstance(last, Always) or isinstance(played.end, GaveUp):
            response = last or Response(status=500)
        else:
            response = Response(NOTHING[source].encode())
        if isinstance(response, Always):
            query = {name: values[0] for name, values in parse_qs(environ["QUERY_STRING"]).items()}
            made = response.response
            response = made if isinstance(made, Response) else made(query)
        start_response(f"{response.status} Reason", list(response.headers.items()))
        return response.body() if callable(response.body) else [response.body]


def market(source: str, number: int) -> Market:
    symbol = {
        "binance": f"C{number}USDT",
        "bitfinex": f"tC{number}:USD",
        "bitstamp": f"coin{number}usd",
        "coinbase": f"C{number}-USD",
        "coingecko": f"coin-{number}",
    }[source]
    return Market(symbol, f"C{number}", "USDT" if source == "binance" else "USD")


def fetch(stage: Stage, source_name: str, number: int, played: Case) -> Fetched:
    """Run one case with its own client, which is configured as by FetchPricesOperator."""
    case_name = f"{source_name}-{number}"
    stage.cases[case_name] = (played, source_name)
    source = get_source(source_name, f"{stage.url}/{case_name}")
    clock = Clock()
    symbol = played.end.symbol if isinstance(played.end, InvalidSymbol) else market(source_name, number).exchange_symbol
    pages: list[Page] = []
    error = None
    started = time.monotonic()
    with HttpClient(
        budget=RequestBudget(100_000, monotonic=clock.monotonic, sleep=clock.sleep),
        pause_seconds=source.pause_seconds,
        error_rules=source.error_rules,
        retry_policy=RequestRetryPolicy(ATTEMPTS, played.deadline_seconds, 0.5, 1.0, LONGEST_RETRY_AFTER),
        read_timeout_seconds=played.read_timeout_seconds,
        max_body_bytes=LONGEST_BODY,
        sleep=clock.sleep,
        monotonic=clock.monotonic,
        now=clock.now,
        rng=random.Random(number),
    ) as client:
        try:
            pages.extend(source.fetch_pages(client, symbol, WINDOWS[source_name], "1h"))
        except Exception as caught:  # noqa: BLE001 - the case's test fails for errors other than SourceError
            error = caught
    seconds = time.monotonic() - started
    return Fetched(symbol, pages, error, stage.requests[case_name], clock.slept, seconds)


@pytest.fixture(scope="module")
def stage():
    started = Stage()
    yield started
    started.stop()


@pytest.fixture(scope="module")
def judged(stage, spark, lake, arguments):
    """Return a function that runs all cases of a source once, and determines their outcomes in one Spark job."""

    @functools.cache
    def play(source: str) -> Judged:
        fetched = {
            name: fetch(stage, source, number, played) for number, (name, played) in enumerate(CASES[source].items())
        }
        numbers = {name: number for number, name in enumerate(CASES[source])}
        # A failed fetch is never committed, even if it has landed pages.
        landed = [name for name, found in fetched.items() if found.error is None]
        window = WINDOWS[source]
        zone = RawZone(
            s3_client=lake.s3,
            bucket=BUCKET,
            source=source,
            window=window,
            candle_interval="1h",
            attempt="hostile",
            markets=[market(source, numbers[name]) for name in landed],
            expected_records=(window.end - window.start).days * 24,
        )
        for name in landed:
            for page in fetched[name].pages:
                zone.put_page(market(source, numbers[name]), page)
        manifest = zone.commit(NOW)
        run = arguments(manifest.uri, window_start=window.start.isoformat(), window_end=window.end.isoformat())
        manifests = read_raw_manifests(lake.s3, run.raw_manifests, run.window)
        found, observations = outcomes_of(spark, manifests, run)
        rows = found.collect()
        rows_by_symbol: dict[str, list[Any]] = {}
        for row in sorted(rows, key=lambda row: (row["raw_object"], row["record_position"])):
            rows_by_symbol.setdefault(row["exchange_symbol"], []).append(row)
        ((_, observation),) = observations
        return Judged(
            fetched,
            {name: rows_by_symbol.get(fetched[name].exchange_symbol, []) for name in landed},
            sum(len(page_records(source, page)) for name in landed for page in fetched[name].pages),
            sum(obj.surplus for obj in manifest.objects),
            observation.get["mismatches"],
            differences(lake, manifests, rows),
        )

    return play


def _rounded(cap: Decimal) -> Decimal:
    return cap.quantize(Decimal("1E-8"), ROUND_HALF_UP, Context(prec=100))


def page_records(source: str, page: Page) -> list[dict[str, Any]]:
    """Return the records of a landed body as Python reads them: {column: exact number or None}."""
    document = json.loads(page.response.body, parse_float=Decimal)
    columns = {
        "binance": {"open": 1, "high": 2, "low": 3, "close": 4, "base_volume": 5, "quote_volume": 7, "trade_count": 8},
        "bitfinex": {"open": 1, "close": 2, "high": 3, "low": 4, "base_volume": 5},
        "coinbase": {"low": 1, "high": 2, "open": 3, "close": 4, "base_volume": 5},
    }.get(source)
    if source == "bitstamp":
        members = {"time": "timestamp", "base_volume": "volume"} | {n: n for n in ("open", "high", "low", "close")}
        return [{name: _member(row, member) for name, member in members.items()} for row in document["data"]["ohlc"]]
    if columns is None:
        return [
            {"open": _number(price, 1), "market_cap": _cap_of(price, document), "time": _number(price, 0)}
            for price in document["prices"]
        ]
    return [{name: _number(row, place) for name, place in ({"time": 0} | columns).items()} for row in document]


def _cap_of(price: Any, document: Mapping[str, Any]) -> Decimal | None:
    """Return the market cap of a price's time, or None if there is none."""
    time = price[:1] if isinstance(price, list) else []
    of_time = [cap for cap in document["market_caps"] if isinstance(cap, list) and time and cap[:1] == time]
    return _number(of_time[0], 1) if of_time else None


def _member(row: Any, name: str) -> Decimal | None:
    return _number([row.get(name)], 0) if isinstance(row, dict) else None


def _number(row: Any, place: int) -> Decimal | None:
    value = row[place] if isinstance(row, list) and len(row) > place else None
    try:
        return None if value is None or isinstance(value, bool) else Decimal(value)
    except (ArithmeticError, TypeError, ValueError):
        return None


# --- the tests -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("source", "name"), [(source, name) for source, cases in CASES.items() for name in cases])
def test_every_response_has_its_expected_end(judged, source, name):
    end = CASES[source][name].end
    result = judged(source)
    fetched = result.fetched[name]
    found = [row["outcome"] for row in result.rows.get(name, [])]
    match end:
        case Outcomes(expected, waits):
            assert fetched.error is None
            assert found == list(expected)
            # The client waits as long as the source demands. Otherwise there is only jitter between tries.
            assert waits - 0.01 <= fetched.slept <= waits + 1.01
        case RejectedByJob():
            assert fetched.error is None
            assert sum(page.records for page in fetched.pages) > 0
            assert found == []
        case InvalidSymbol():
            assert isinstance(fetched.error, FatalSourceError)
            assert "is not a market of" in str(fetched.error)
            assert fetched.requests == 0
        case Refused(words, requests) | GaveUp(words, requests):
            assert type(fetched.error) is (FatalSourceError if isinstance(end, Refused) else RetryableSourceError)
            assert re.search(words, str(fetched.error))
            assert fetched.requests == requests
            assert str(fetched.error).isprintable()
    assert fetched.seconds < LONGEST_CASE
    assert fetched.slept <= 2 * LONGEST_RETRY_AFTER + 60


@pytest.mark.parametrize("source", CASES)
def test_no_record_is_lost(judged, source):
    result = judged(source)
    by_job = [name for name, played in CASES[source].items() if isinstance(played.end, RejectedByJob)]
    not_split = sum(page.records for name in by_job for page in result.fetched[name].pages)
    outcomes_found = Counter(row["outcome"] for found in result.rows.values() for row in found)
    assert outcomes_found.total() == result.records_landed - not_split
    assert outcomes_found["surplus"] == result.surplus_landed
    # The job fails for each object that it cannot split, so no load misses them silently.
    assert result.mismatches == len(by_job)


@pytest.mark.parametrize("source", CASES)
def test_curated_records_are_exact_and_inside_the_window(judged, source):
    result = judged(source)
    window = WINDOWS[source]
    curated = 0
    for name, found in result.rows.items():
        landed = [record for page in result.fetched[name].pages for record in page_records(source, page)]
        for row, record in zip(found, landed if found else [], strict=True):
            if row["outcome"] != "curated":
                continue
            curated += 1
            opened = row["observed_at"].astimezone(UTC)
            assert window.starts_at <= opened < window.ends_at, name
            unit = 1 if source in ("bitstamp", "coinbase") else 1000
            landed_at = datetime.fromtimestamp(int(record.pop("time")) // unit, UTC)
            assert opened == landed_at.replace(minute=0, second=0, microsecond=0), name
            for column in ("open", "high", "low", "close"):
                assert row[f"{column}_price"] == record.pop(column, None), name
            for column in ("base_volume", "quote_volume", "trade_count"):
                assert row[column] == record.pop(column, None), name
            cap = record.pop("market_cap", None)
            assert row["market_cap"] == (None if cap is None else _rounded(cap)), name
            assert record == {}
    assert curated > 50


@pytest.mark.parametrize("source", CASES)
def test_receipts_agree_with_the_glue_job_about_every_record(judged, source):
    assert judged(source).disagreements[:3] == []


@pytest.mark.parametrize("source", CASES)
def test_every_source_has_at_least_forty_hostile_responses(source):
    hostile = [name for name, played in CASES[source].items() if played.end != CURATED]
    assert len(hostile) >= 40


def test_every_error_is_fatal_or_retryable(judged):
    others = {
        (source, name): found.error
        for source in CASES
        for name, found in judged(source).fetched.items()
        if found.error is not None and not isinstance(found.error, SourceError)
    }
    assert others == {}
