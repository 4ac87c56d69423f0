from collections import defaultdict
from datetime import date, timedelta

import pytest
from crypto_prices.fetch.asset_names import ASSET_NAMES, asset_on, change_days
from crypto_prices.fetch.sources import known_sources


@pytest.mark.parametrize(
    ("source", "name", "day", "asset"),
    [
        ("binance", "BTC", date(2020, 1, 1), "BTC"),
        ("binance", "LUNA", date(2022, 5, 12), "LUNC"),
        ("binance", "LUNA", date(2022, 5, 31), "LUNA"),
        ("binance", "LUNC", date(2022, 5, 30), "LUNC"),
        ("binance", "LUNC", date(2022, 5, 1), None),
        ("binance", "UST", date(2022, 6, 1), None),
        ("binance", "BCC", date(2018, 1, 1), "BCH"),
        ("binance", "BCC", date(2020, 1, 1), None),
        ("binance", "BCHABC", date(2019, 1, 1), "BCH"),
        ("binance", "BCH", date(2019, 11, 28), "BCH"),
        ("binance", "BCH", date(2019, 11, 27), None),
        ("binance", "MATIC", date(2024, 9, 10), "POL"),
        ("binance", "POL", date(2024, 9, 13), "POL"),
        ("coinbase", "MATIC", date(2024, 1, 1), "POL"),
        ("coinbase", "MATIC", date(2025, 1, 1), "MATIC"),
        ("coinbase", "CGLD", date(2025, 1, 1), "CELO"),
        ("bitfinex", "UST", date(2020, 1, 1), "USDT"),
        ("bitfinex", "UST", date(2025, 1, 1), "USDT"),
        ("bitfinex", "TERRAUST", date(2022, 1, 1), "USTC"),
        ("bitfinex", "LUNA", date(2025, 1, 1), "LUNC"),
        ("bitfinex", "LUNA2", date(2025, 1, 1), "LUNA"),
        ("bitstamp", "UST", date(2022, 1, 1), "USTC"),
        ("bitstamp", "PAX", date(2025, 1, 1), "USDP"),
        ("coingecko", "avalanche-2", date(2025, 1, 1), "AVAX"),
        ("coingecko", "terra-luna", date(2025, 1, 1), "LUNC"),
        ("coingecko", "terra-luna-2", date(2025, 1, 1), "LUNA"),
    ],
)
def test_a_name_means_one_coin_on_a_day(source, name, day, asset):
    assert asset_on(source, name, day) == asset


def test_the_days_of_a_change_are_known():
    assert change_days("binance", "LUNA") == {date(2022, 5, 28)}
    assert change_days("binance", "BTC") == frozenset()


def test_rows_belong_to_known_sources_fit_their_columns_and_name_their_evidence():
    assert {row.source for row in ASSET_NAMES} <= set(known_sources())
    assert all(row.asset.isalnum() and row.asset.isupper() and len(row.asset) <= 32 for row in ASSET_NAMES)
    assert all(row.evidence for row in ASSET_NAMES)


def test_a_name_never_has_two_meanings_and_two_names_never_have_the_same():
    """On every day, in each direction. Otherwise one canonical asset would hold two coins of a source."""
    edges = {day for row in ASSET_NAMES for day in (row.valid_from, row.valid_to) if day}
    for day in {date(2015, 1, 1), *edges, *(edge - timedelta(days=1) for edge in edges)}:
        meanings, names = defaultdict(list), defaultdict(list)
        for row in ASSET_NAMES:
            if row.applies_on(day):
                meanings[row.source, row.name].append(row.asset)
                names[row.source, row.asset].append(row.name)
        assert [name for name, assets in meanings.items() if len(assets) > 1] == []
        assert [asset for asset, of in names.items() if len(of) > 1] == []


NEVER_LISTED = {
    ("binance", "BSV"),
    ("binance", "YOYOW"),
    ("coinbase", "CELO"),
    ("bitstamp", "USDP"),
    ("bitstamp", "USTC"),
    *((row.source, row.asset) for row in ASSET_NAMES if row.source == "bitfinex" and row.asset != "LUNA"),
}
"""Canonical names from ccxt's tables. They map the exchange's name on all days, so it does not use both."""

ANOTHER_ASSET = {("bitfinex", "LUNA")}
"""Canonical names that the exchange uses for another asset on all days."""


def test_the_canonical_name_of_a_renamed_asset_has_days_too():
    """A name without a row keeps its name on all days. Both names of a renamed market would be the same market."""
    named = {(row.source, row.name) for row in ASSET_NAMES}
    renamed = {(row.source, row.asset) for row in ASSET_NAMES if row.asset != row.name and row.source != "coingecko"}
    assert renamed - named == NEVER_LISTED
    dated = {(row.source, row.name) for row in ASSET_NAMES if row.valid_from or row.valid_to}
    assert (renamed & named) - ANOTHER_ASSET <= dated
