"""Markets: what an exchange calls them, and what they are called here. The one place for names that differ.

A market is a base asset priced in a quote currency, ``BTC/USDT``. An exchange's own name of it is its exchange symbol:
``BTCUSDT`` (Binance), ``BTC-USD`` (Coinbase), ``bitcoin`` (CoinGecko, always in USD).
"""

from __future__ import annotations

from collections.abc import Mapping

CANONICAL_ASSETS: Mapping[str, Mapping[str, str]] = {
    "binance": {
        "BCC": "BCH",  # until November 2018
        "BCHABC": "BCH",  # from then until 2019
        "BCHSV": "BSV",
        "YOYO": "YOYOW",
        "NANO": "XNO",  # renamed by its makers in 2021
    },
    "coinbase": {
        "CGLD": "CELO",
    },
}
"""By source: assets that the exchange calls otherwise than the rest of the world. All other assets keep their names."""

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
"""CoinGecko's ids, which cannot be derived from anything; https://docs.coingecko.com/reference/coins-list has them all.
A coin that is not listed here is refused."""
