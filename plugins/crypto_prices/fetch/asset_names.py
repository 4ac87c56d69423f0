"""Names of assets that differ between an exchange and this platform, with the days on which they apply.

An exchange reuses names: Binance's LUNA was one coin until May 2022 and is another one since. So a row has the days on
which it applies. Every row is reviewed: it names the source of the fact. An asset without a row keeps its name.
A row without days is for an exchange that has never used the canonical name itself. If it renamed the asset, both names
need rows with the day of the renaming.

The days are UTC. A name that changes during a day, or while its market is closed, has the new meaning for whole days.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class AssetName:
    """The meaning of an exchange's name.

    Attributes:
        source: Name of the source.
        name: The exchange's name of the asset; CoinGecko's is the id of the coin.
        asset: Canonical name of the asset.
        evidence: Where the fact is from.
        valid_from: First day with this meaning; None if it has no beginning.
        valid_to: First day after it; None if it has no end.
    """

    source: str
    name: str
    asset: str
    evidence: str
    valid_from: date | None = None
    valid_to: date | None = None

    def applies_on(self, day: date) -> bool:
        """Return whether the name has this meaning on a day."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day < self.valid_to)


_BCH_FORK = date(2018, 11, 16)
_BCH_FORK_SOURCE = "the fork was on 2018-11-15 at 16:40 UTC: https://chaindd.net/3141355.html"
_BCH_AGAIN = date(2019, 11, 28)
_BCH_AGAIN_SOURCE = "https://github.com/ccxt/ccxt/issues/6201"
_TERRA = date(2022, 5, 28)
_TERRA_SOURCE = (
    "Binance closed the old LUNA and UST on 2022-05-26, opened LUNC and USTC on 2022-05-30 and the new LUNA on "
    "2022-05-31: https://bitcoinnewsworld.com/index.php/2022/05/26/binance-will-support-the-terra-network-airdrop/, "
    "https://coincodex.com/article/15017/luna-jumps-50-on-binance-terra-20-listing"
)
_POL = date(2024, 9, 4)
_POL_SOURCE = (
    "Polygon replaced MATIC by POL, one for one, on 2024-09-04: "
    "https://www.binance.bh/en-NZ/square/post/31355810780842. "
)
_POL_ON_BINANCE = date(2024, 9, 13)
_POL_ON_BINANCE_SOURCE = (
    "Binance closed MATIC on 2024-09-10 and opened POL on 2024-09-13: "
    "https://coingape.com/binance-announces-matic-to-pol-token-swap-support-is-breakout-imminent"
)
_POL_ON_COINBASE_SOURCE = _POL_SOURCE + (
    "Coinbase traded both until 2025-10-14: https://www.namecoinnews.com/polygonpol-drops-9-amid-coinbase-migration"
)
_CCXT_SOURCE = "https://github.com/ccxt/ccxt, commonCurrencies of binance"
_BITFINEX_SOURCE = "https://github.com/ccxt/ccxt, commonCurrencies of bitfinex"

ASSET_NAMES: tuple[AssetName, ...] = (
    AssetName("binance", "BCC", "BCH", _BCH_FORK_SOURCE, valid_to=_BCH_FORK),
    AssetName("binance", "BCHABC", "BCH", _BCH_AGAIN_SOURCE, _BCH_FORK, _BCH_AGAIN),
    AssetName("binance", "BCH", "BCH", _BCH_AGAIN_SOURCE, _BCH_AGAIN),
    AssetName("binance", "BCHSV", "BSV", _CCXT_SOURCE),
    AssetName("binance", "YOYO", "YOYOW", _CCXT_SOURCE),
    AssetName("binance", "LUNA", "LUNC", _TERRA_SOURCE, valid_to=_TERRA),
    AssetName("binance", "LUNA", "LUNA", _TERRA_SOURCE, _TERRA),
    AssetName("binance", "LUNC", "LUNC", _TERRA_SOURCE, _TERRA),
    AssetName("binance", "UST", "USTC", _TERRA_SOURCE, valid_to=_TERRA),
    AssetName("binance", "USTC", "USTC", _TERRA_SOURCE, _TERRA),
    AssetName("binance", "MATIC", "POL", _POL_ON_BINANCE_SOURCE, valid_to=_POL_ON_BINANCE),
    AssetName("binance", "POL", "POL", _POL_ON_BINANCE_SOURCE, _POL_ON_BINANCE),
    *(
        AssetName("bitfinex", name, asset, _BITFINEX_SOURCE)
        for name, asset in {
            "UST": "USDT",
            "UDC": "USDC",
            "TERRAUST": "USTC",
            "LUNA": "LUNC",
            "LUNA2": "LUNA",
            "ALG": "ALGO",
            "AMP": "AMPL",
            "ATO": "ATOM",
            "DAT": "DATA",
            "DOG": "MDOGE",
            "DSH": "DASH",
            "EUS": "EURS",
            "EUT": "EURT",
            "HTX": "HT",
            "IDX": "ID",
            "IOT": "IOTA",
            "IQX": "IQ",
            "MNA": "MANA",
            "QSH": "QASH",
            "QTM": "QTUM",
            "RBT": "RBTC",
            "SNG": "SNGLS",
            "STJ": "STORJ",
            "TSD": "TUSD",
            "VSY": "VSYS",
            "WAX": "WAXP",
            "XCH": "XCHF",
            "YGG": "YEED",
            "YYW": "YOYOW",
            "ZBT": "ZB",
        }.items()
    ),
    AssetName("bitstamp", "PAX", "USDP", "renamed by its makers in 2021"),
    AssetName("bitstamp", "UST", "USTC", "https://github.com/ccxt/ccxt, commonCurrencies of bitstamp"),
    AssetName("coinbase", "CGLD", "CELO", "https://github.com/ccxt/ccxt, commonCurrencies of coinbaseexchange"),
    AssetName("coinbase", "MATIC", "POL", _POL_ON_COINBASE_SOURCE, valid_to=_POL),
    AssetName("coinbase", "MATIC", "MATIC", _POL_ON_COINBASE_SOURCE, _POL),
    AssetName("coinbase", "POL", "POL", _POL_ON_COINBASE_SOURCE, _POL),
    AssetName("coingecko", "matic-network", "POL", _POL_SOURCE, valid_to=_POL),
    AssetName("coingecko", "matic-network", "MATIC", _POL_SOURCE, _POL),
    AssetName("coingecko", "polygon-ecosystem-token", "POL", _POL_SOURCE, _POL),
    *(
        AssetName("coingecko", coin, asset, "https://docs.coingecko.com/reference/coins-list")
        for coin, asset in {
            "bitcoin": "BTC",
            "ethereum": "ETH",
            "tether": "USDT",
            "usd-coin": "USDC",
            "binancecoin": "BNB",
            "solana": "SOL",
            "ripple": "XRP",
            "cardano": "ADA",
            "dogecoin": "DOGE",
            "tron": "TRX",
            "chainlink": "LINK",
            "avalanche-2": "AVAX",
            "shiba-inu": "SHIB",
            "polkadot": "DOT",
            "bitcoin-cash": "BCH",
            "litecoin": "LTC",
            "uniswap": "UNI",
            "near": "NEAR",
            "cosmos": "ATOM",
            "stellar": "XLM",
            "monero": "XMR",
            "ethereum-classic": "ETC",
            "filecoin": "FIL",
            "aptos": "APT",
            "arbitrum": "ARB",
            "optimism": "OP",
            "celo": "CELO",
            "pepe": "PEPE",
            "celestia": "TIA",
            "terra-luna": "LUNC",
            "terra-luna-2": "LUNA",
        }.items()
    ),
)
"""All rows. The meanings of one name never overlap."""


def _by_name() -> dict[tuple[str, str], list[AssetName]]:
    rows: dict[tuple[str, str], list[AssetName]] = defaultdict(list)
    for row in ASSET_NAMES:
        rows[row.source, row.name].append(row)
    return dict(rows)


_BY_NAME = _by_name()


def has_meaning(source: str, name: str) -> bool:
    """Return whether an exchange's name has a row."""
    return (source, name) in _BY_NAME


def asset_on(source: str, name: str, day: date) -> str | None:
    """Return the canonical name of an asset on a day; None if the exchange did not use the name then.

    Args:
        source: Name of the source.
        name: The exchange's name of the asset.
        day: The day, UTC.
    """
    rows = _BY_NAME.get((source, name))
    if rows is None:
        return name
    return next((row.asset for row in rows if row.applies_on(day)), None)


def change_days(source: str, name: str) -> frozenset[date]:
    """Return the days on which the meaning of an exchange's name changes."""
    return frozenset(
        day for row in _BY_NAME.get((source, name), ()) for day in (row.valid_from, row.valid_to) if day is not None
    )
