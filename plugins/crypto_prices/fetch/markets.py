"""Market names that differ between an exchange and this platform.

A market is a base asset priced in a quote currency, such as ``BTC/USDT``. The exchange's name for it is its exchange
symbol: ``BTCUSDT`` (Binance), ``BTC-USD`` (Coinbase), ``bitcoin`` (CoinGecko, always in USD).
"""

from __future__ import annotations

from collections.abc import Mapping

CANONICAL_ASSETS: Mapping[str, Mapping[str, str]] = {
    "binance": {
        "BCC": "BCH",  # until November 2018
        "BCHABC": "BCH",  # November 2018 to 2019
        "BCHSV": "BSV",
        "YOYO": "YOYOW",
        "NANO": "XNO",  # renamed by its project in 2021
    },
    "coinbase": {
        "CGLD": "CELO",
    },
}
"""By source: assets with an unusual name on the exchange. All other assets keep their names."""

COINGECKO_COINS: Mapping[str, str] = {
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
}
"""Asset symbols by CoinGecko id. Ids cannot be derived; the full list is at
https://docs.coingecko.com/reference/coins-list. Coins that are not listed here are rejected."""
