from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from crypto_prices.fetch.errors import FatalSourceError, RetryableSourceError
from crypto_prices.fetch.http_client import HttpClient, Response
from crypto_prices.fetch.sources import get_source
from crypto_prices.fetch.sources.binance import KlinesRequest, first_request, next_request
from crypto_prices_contract.window import Window
from hypothesis import given
from hypothesis import strategies as st

from local_exchange.faults import Fault, FaultKind, Malformation

HOUR = 3_600_000
START = 1702857600000  # 2023-12-18T00:00:00Z


def window(days: int) -> Window:
    return Window(date(2023, 12, 18), date(2023, 12, 18) + timedelta(days=days))


def request_for(hours: int = 24, limit: int = 1000) -> KlinesRequest:
    return KlinesRequest("BTCUSDT", "1h", HOUR, START, START + hours * HOUR - 1, limit)


def rows_at(*hours: int) -> list:
    return [[START + hour * HOUR, "1", "1", "1", "1", "1"] for hour in hours]


def open_hours(pages) -> list[int]:
    return [(row[0] - START) // HOUR for page in pages for row in page.response.json]


# --- the next request ----------------------------------------------------------------------------------------------


def test_the_first_request_excludes_the_windows_end():
    request = first_request("BTCUSDT", window(1), "1h", timedelta(hours=1))
    assert request.params == {
        "symbol": "BTCUSDT",
        "interval": "1h",
        "startTime": START,
        "endTime": START + 24 * HOUR - 1,
        "limit": 1000,
    }


def test_an_empty_page_ends_the_paging():
    assert next_request(request_for(), []) is None


def test_a_covered_window_ends_the_paging():
    assert next_request(request_for(), rows_at(*range(24))) is None
    assert next_request(request_for(), rows_at(23)) is None


@pytest.mark.parametrize("hours", [[0], [0, 22], [22], list(range(23))])
def test_a_page_that_ends_early_is_not_the_last_one(hours):
    following = next_request(request_for(), rows_at(*hours))
    assert following is not None
    assert following.start_ms == START + (hours[-1] + 1) * HOUR
    assert following.end_ms == request_for().end_ms


def test_the_next_page_starts_after_the_latest_row_in_any_order():
    following = next_request(request_for(), rows_at(5, 3, 4))
    assert following is not None
    assert following.start_ms == START + 6 * HOUR


def test_a_row_beyond_the_window_does_not_end_the_paging():
    following = next_request(request_for(), rows_at(0, 1, 24))
    assert following is not None
    assert following.start_ms == START + 2 * HOUR


@pytest.mark.parametrize(
    "unreadable", [None, [], {}, "x", 7, [None], ["1702857600000"], [True], [[]]], ids=lambda value: json.dumps(value)
)
def test_rows_without_an_open_time_are_requested_again(unreadable):
    following = next_request(request_for(limit=3), [*rows_at(0, 1), unreadable])
    assert following is not None
    assert following.start_ms == START + 2 * HOUR


def test_a_short_page_without_any_open_time_is_the_last_one():
    assert next_request(request_for(), [[None], None, [True], [False]]) is None


def test_a_full_page_without_any_open_time_is_an_error():
    with pytest.raises(FatalSourceError, match="no open time can be read"):
        next_request(request_for(limit=2), [[None], None], url="https://x/")


@pytest.mark.parametrize("hours", [[-1], [-3, -2], [24], [-1, 24]])
def test_a_page_that_does_not_advance_is_an_error(hours):
    with pytest.raises(FatalSourceError, match=r"of BTCUSDT does not advance.* \(GET https://x/\)"):
        next_request(request_for(), rows_at(*hours), url="https://x/")


@given(
    st.lists(st.integers(-30, 60).map(lambda hour: [START + hour * HOUR]) | st.none() | st.just([None]), max_size=20)
)
def test_every_page_advances_within_the_window_or_ends(rows):
    request = request_for()
    try:
        following = next_request(request, rows)
    except FatalSourceError:
        return
    if following is not None:
        assert request.start_ms < following.start_ms <= request.end_ms


@given(hours=st.sets(st.integers(0, 99)), limit=st.integers(1, 40), fewer=st.integers(0, 1))
def test_every_candle_is_fetched_once_despite_gaps(hours, limit, fewer):
    """Gaps can be anywhere, and the server may send one row less than requested."""
    request: KlinesRequest | None = request_for(100, limit)
    most = max(1, limit - fewer)
    fetched, pages = [], 0
    while request is not None:
        first = (request.start_ms - START) // HOUR
        page = [hour for hour in sorted(hours) if hour >= first][:most]
        fetched += page
        pages += 1
        assert pages <= request_for(100, limit).max_pages
        request = next_request(request, rows_at(*page))
    assert fetched == sorted(hours)


# --- over HTTP, against the local exchange ---------------------------------------------------------------------------


def fetch(exchange, client, days=1, symbol="BTCUSDT", interval="1h"):
    return list(get_source("binance", exchange.url).fetch_pages(client, symbol, window(days), interval))


def test_a_day_is_one_request(exchange, client):
    (page,) = fetch(exchange, client)
    assert page.records == 24
    assert open_hours([page]) == list(range(24))
    assert json.loads(page.response.body) == page.response.json
    assert page.response.url == f"{exchange.url}/api/v3/klines?" + "&".join(
        ["symbol=BTCUSDT", "interval=1h", f"startTime={START}", f"endTime={START + 24 * HOUR - 1}", "limit=1000"]
    )
    assert len(exchange.queries) == 1


def test_many_days_are_paged_without_gap_or_repetition(exchange, client):
    pages = fetch(exchange, client, days=100)
    assert [page.records for page in pages] == [1000, 1000, 400]
    assert open_hours(pages) == list(range(2400))


@pytest.mark.parametrize(("days", "interval"), [(1000, "1d"), (250, "6h")])
def test_exactly_one_full_page_needs_no_second(exchange, client, days, interval):
    exchange.now = exchange.now.replace(year=2030)
    assert [page.records for page in fetch(exchange, client, days=days, interval=interval)] == [1000]
    assert len(exchange.queries) == 1


def test_an_unknown_interval_never_reaches_the_exchange(exchange, client):
    with pytest.raises(FatalSourceError, match="no candles of '3h'"):
        fetch(exchange, client, interval="3h")
    assert exchange.queries == []


def test_one_row_over_a_page_is_fetched(exchange, client):
    exchange.now = exchange.now.replace(year=2030)
    assert [page.records for page in fetch(exchange, client, days=1001, interval="1d")] == [1000, 1]


def test_an_unknown_symbol_is_named(exchange, client):
    with pytest.raises(FatalSourceError, match=r"binance has no market NOSUCHUSDT.*-1121.*Invalid symbol") as caught:
        fetch(exchange, client, symbol="NOSUCHUSDT")
    assert caught.value.exchange_code == -1121
    assert len(exchange.queries) == 1


def test_an_invalid_symbol_never_reaches_the_exchange(exchange, client):
    with pytest.raises(FatalSourceError, match="is not a market"):
        fetch(exchange, client, symbol="BTC/USDT")
    assert exchange.queries == []


def test_a_response_without_candles_is_valid(exchange, client):
    exchange.faults.replace([Fault(FaultKind.EMPTY, times=None)])
    pages = fetch(exchange, client)
    assert [(page.records, page.response.body) for page in pages] == 2 * [(0, b"[]")]


def test_a_truncated_second_page_is_fetched_again(exchange, client):
    exchange.faults.replace([Fault(FaultKind.CUT_OFF, after=1, times=2)])
    assert open_hours(fetch(exchange, client, days=100)) == list(range(2400))
    assert len(exchange.queries) == 5


def test_an_exchange_that_stays_down_is_retryable(exchange, client):
    exchange.faults.replace([Fault(FaultKind.SERVER_ERROR, times=None)])
    with pytest.raises(RetryableSourceError):
        fetch(exchange, client)


@pytest.mark.parametrize(
    ("kind", "records"),
    [
        (FaultKind.DUPLICATE_ROWS, 25),
        (FaultKind.CONFLICTING_DUPLICATE_ROWS, 25),
        (FaultKind.WRONG_ORDER, 24),
        (FaultKind.MALFORMED_ROWS, 24),
        (FaultKind.UNCLOSED_CANDLE, 25),
    ],
)
def test_bad_rows_are_passed_on_unchanged(exchange, client, kind, records):
    kinds = (Malformation.NAN_PRICE, Malformation.NULL_PRICE, Malformation.MISSING_COLUMN, Malformation.EXTRA_COLUMN)
    malformations = kinds if kind is FaultKind.MALFORMED_ROWS else ()
    exchange.faults.replace([Fault(kind, malformations=malformations)])
    (page,) = fetch(exchange, client)
    assert page.records == records
    assert json.loads(page.response.body) == page.response.json
    assert len(exchange.queries) == 1


def test_wrong_order_and_duplicates_across_pages_lose_no_candle(exchange, client):
    exchange.faults.replace(
        [Fault(FaultKind.WRONG_ORDER, times=1), Fault(FaultKind.DUPLICATE_ROWS, times=None)], seed=3
    )
    hours = open_hours(fetch(exchange, client, days=100))
    assert sorted(set(hours)) == list(range(2400))


def test_a_candle_after_an_unreadable_last_row_is_not_lost():
    answers = [[*rows_at(*range(23)), [None, "1"]], rows_at(23)]
    pages = list(get_source("binance").fetch_pages(FakeClient(answers), "BTCUSDT", window(1), "1h"))
    assert [page.records for page in pages] == [24, 1]


def test_a_ban_ends_at_the_time_in_the_message_of_its_code():
    source = get_source("binance")
    message = "Way too much request weight used; IP banned until 1709772000000. Please use WebSocket Streams."
    now = datetime(2024, 3, 7, 0, 30, tzinfo=UTC)
    assert source.required_wait(-1003, message, now) == 600
    assert source.required_wait(-1003, message, now + timedelta(hours=1)) == 0
    assert source.required_wait(-1003, "Too much request weight used; limit is 6000 per 1 MINUTE.", now) is None
    assert source.required_wait(-1121, message, now) is None


def test_an_empty_response_is_requested_once_more(caplog):
    client = FakeClient([[], rows_at(*range(24))])
    pages = list(get_source("binance").fetch_pages(client, "BTCUSDT", window(1), "1h"))
    assert [page.records for page in pages] == [0, 24]
    assert len(client.asked) == 2
    assert client.asked[0] == client.asked[1]
    assert "had 24 when it was requested again" in caplog.text


def test_a_market_without_candles_is_requested_exactly_twice():
    client = FakeClient([[]])
    pages = list(get_source("binance").fetch_pages(client, "BTCUSDT", window(1), "1h"))
    assert ([page.records for page in pages], len(client.asked)) == ([0, 0], 2)


def test_an_empty_page_before_the_windows_end_is_requested_once_more():
    client = FakeClient([rows_at(*range(20)), [], rows_at(*range(20, 24))])
    pages = list(get_source("binance").fetch_pages(client, "BTCUSDT", window(1), "1h"))
    assert [page.records for page in pages] == [20, 0, 4]


def test_pages_have_the_range_of_their_request():
    client = FakeClient([rows_at(*range(20)), []])
    pages = list(get_source("binance").fetch_pages(client, "BTCUSDT", window(1), "1h"))
    day = window(1)
    later = day.starts_at + timedelta(hours=20)
    assert [(page.first, page.end) for page in pages] == [
        (day.starts_at, day.ends_at), (later, day.ends_at), (later, day.ends_at)
    ]  # fmt: skip


class FakeClient(HttpClient):
    """Returns prepared documents and repeats the last one forever."""

    def __init__(self, documents: list) -> None:
        super().__init__()
        self.documents = documents
        self.asked: list[dict] = []

    def get_json(self, url, *, params=None, headers=None) -> Response:
        document = self.documents[min(len(self.asked), len(self.documents) - 1)]
        self.asked.append(params)
        return Response(url, 200, json.dumps(document).encode(), window(1).ends_at, document)


@pytest.mark.parametrize("document", [{}, {"code": 0, "msg": "ok"}, None, "[]", 7])
def test_a_response_that_is_not_a_list_is_an_error(document):
    with pytest.raises(FatalSourceError, match=f"{type(document).__name__} instead of a list"):
        list(get_source("binance").fetch_pages(FakeClient([document]), "BTCUSDT", window(1), "1h"))


def test_an_exchange_that_repeats_a_page_is_not_queried_forever():
    client = FakeClient([rows_at(*range(1000))])
    with pytest.raises(FatalSourceError, match="does not advance"):
        list(get_source("binance").fetch_pages(client, "BTCUSDT", window(100), "1h"))
    assert len(client.asked) == 2


def test_an_exchange_that_sends_tiny_pages_is_not_queried_forever():
    client = FakeClient([rows_at(hour) for hour in range(24)])
    with pytest.raises(FatalSourceError, match="3 pages of BTCUSDT, but they do not reach the end"):
        list(get_source("binance").fetch_pages(client, "BTCUSDT", window(1), "1h"))
    assert len(client.asked) == 3
