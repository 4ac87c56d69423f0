from __future__ import annotations

import itertools
import json
from datetime import UTC, date, datetime, timedelta

import pytest
from crypto_prices.fetch.errors import FatalSourceError
from crypto_prices.fetch.http_client import HttpClient
from crypto_prices.fetch.sources import get_source
from crypto_prices.fetch.sources.coingecko import hourly_ranges
from crypto_prices_contract.window import Window

from local_exchange.rules import Rules

START_MS = 1702857600000  # 2023-12-18T00:00:00Z
HOUR_MS = 3_600_000


def window(days: int) -> Window:
    return Window(date(2023, 12, 18), date(2023, 12, 18) + timedelta(days=days))


def fetch(exchange, client, days=1, coin="bitcoin", key=None):
    source = get_source("coingecko", exchange.url_of("coingecko"), key)
    return list(source.fetch_pages(client, coin, window(days), "1h"))


def hours(pages) -> list[int]:
    return [(point[0] - START_MS) // HOUR_MS for page in pages for point in page.response.json["prices"]]


@pytest.mark.parametrize(("days", "lengths"), [(1, [2]), (2, [2]), (90, [90]), (91, [45, 46]), (400, [80] * 5)])
def test_every_range_returns_hourly_points(days, lengths):
    ranges = list(hourly_ranges(window(days)))
    assert [(end - first).days for first, end in ranges] == lengths
    assert ranges[-1][1] == window(days).ends_at
    assert ranges[0][0] == window(days).starts_at - timedelta(days=days == 1)
    assert all(before[1] == after[0] for before, after in itertools.pairwise(ranges))


def test_a_day_is_requested_with_the_day_before_it_which_is_surplus(exchange, client):
    (page,) = fetch(exchange, client)
    assert exchange.paths == ["/exchange/coingecko/api/v3/coins/bitcoin/market_chart/range"]
    assert exchange.queries == [
        {
            "vs_currency": "usd",
            "from": str(START_MS // 1000 - 86400),
            "to": str(START_MS // 1000 + 86399),
            "precision": "18",
        }
    ]
    assert hours([page]) == list(range(-24, 24))
    assert (page.records, page.surplus) == (48, 24)


def test_the_day_that_has_just_ended_has_hourly_points_too(exchange, client):
    exchange.now = window(1).ends_at + timedelta(seconds=5)
    (page,) = fetch(exchange, client)
    assert page.records - page.surplus == 24


def test_a_quarter_is_requested_in_parts_without_overlap(exchange, client):
    exchange.now = datetime(2024, 12, 1, tzinfo=UTC)
    assert hours(fetch(exchange, client, days=100)) == list(range(2400))
    assert len(exchange.queries) == 2


@pytest.mark.parametrize(
    ("url", "header"),
    [
        (None, "x-cg-demo-api-key"),
        ("https://pro-api.coingecko.com/", "x-cg-pro-api-key"),
        ("https://pro-api.coingecko.com.example", "x-cg-demo-api-key"),
    ],
)
def test_the_key_goes_into_the_header_of_its_plan(url, header):
    assert get_source("coingecko", url, "planted").headers == {header: "planted"}
    assert get_source("coingecko", url).headers == {}


class TestAKeyIsAskedFor:
    @pytest.fixture(autouse=True)
    def _key(self, exchange, client):
        exchange.set_rules(Rules(coingecko_api_key="planted-key-1234", coingecko_past_365_days_only=True))

    def test_with_the_key_the_coin_is_returned(self, exchange, client):
        exchange.now = datetime(2024, 6, 1, tzinfo=UTC)
        (page,) = fetch(exchange, client, key="planted-key-1234")
        assert page.records == 48
        assert "planted" not in page.response.url

    @pytest.mark.parametrize(
        ("key", "advice"), [(None, "set connection_id"), ("wrong-key-5678", "Check that the API key is valid")]
    )
    def test_without_the_right_key_the_error_gives_advice_and_hides_the_key(self, exchange, key, advice):
        rules = get_source("coingecko", api_key=key).error_rules
        with (
            HttpClient(sleep=lambda seconds: None, error_rules=rules) as client,
            pytest.raises(FatalSourceError, match=rf"401, code 10002: API Key Missing.*{advice}") as refusal,
        ):
            fetch(exchange, client, key=key)
        assert "wrong-key" not in str(refusal.value)

    def test_days_outside_the_plan_are_reported(self, exchange, client):
        exchange.now = datetime(2025, 6, 1, tzinfo=UTC)
        with pytest.raises(FatalSourceError, match=r"paid plan for days as old as 2023-12-17.*Load newer days"):
            fetch(exchange, client, key="planted-key-1234")


def test_an_unknown_coin_is_refused_before_and_after_the_request(exchange, client):
    with pytest.raises(FatalSourceError, match=r"'dentacoin' of coingecko is unknown"):
        get_source("coingecko").pair_of("dentacoin")
    with pytest.raises(FatalSourceError, match=r"coingecko has no coin dentacoin: .*coin not found"):
        fetch(exchange, client, coin="dentacoin")


@pytest.mark.parametrize("coin", ["Bitcoin", "bit/coin", "..", "-", "bitcoin-", "bitcoin\n", "b" + "-x" * 9])
def test_coin_ids_that_are_unsafe_in_paths_are_refused(coin):
    with pytest.raises(FatalSourceError, match="is not a market of coingecko"):
        get_source("coingecko").checked_symbol(coin)


@pytest.mark.parametrize("document", [[], {}, {"prices": []}, {"prices": [], "market_caps": [], "total_volumes": None}])
def test_a_response_without_the_three_tables_is_an_error(client, document, monkeypatch):
    from crypto_prices.fetch.http_client import Response

    answer = Response("https://x", 200, json.dumps(document).encode(), window(1).ends_at, document)
    monkeypatch.setattr(client, "get_json", lambda *_, **__: answer)
    with pytest.raises(FatalSourceError, match="did not send prices, market caps and volumes"):
        list(get_source("coingecko").fetch_pages(client, "bitcoin", window(1), "1h"))
