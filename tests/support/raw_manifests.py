"""A raw manifest of one day of two markets, one of which has no candles."""

from crypto_prices_contract.markets import Market
from crypto_prices_contract.raw_manifest import RawListing, RawManifest, RawObject
from crypto_prices_contract.window import Window

CANDLES = RawObject(
    uri="s3://lake/BTCUSDT-0001.json.gz",
    exchange_symbol="BTCUSDT",
    symbol="BTC",
    quote_currency="USDT",
    url="https://x/klines",
    status=200,
    fetched_at="2023-12-19T00:01:02.345Z",
    sha256="a" * 64,
    body_bytes=10,
    records=25,
    surplus=1,
    requested_from="2023-12-18T00:00:00.000Z",
    requested_until="2023-12-19T00:00:00.000Z",
    etag="c" * 32,
    version_id="v1",
)
MANIFEST = RawManifest(
    uri="s3://lake/manifest.json",
    source="binance",
    window=Window.parse("2023-12-18", "2023-12-19"),
    candle_interval="1h",
    attempt="a1",
    expected_records=24,
    markets=(Market("BTCUSDT", "BTC", "USDT"), Market("JTOUSDT", "JTO", "USDT")),
    objects=(CANDLES,),
    written_at="2023-12-19T00:01:02.500Z",
    listings=(
        RawListing(
            uri="s3://lake/markets-0001.json.gz",
            url="https://x/exchangeInfo",
            status=200,
            fetched_at="2023-12-19T00:01:01.000Z",
            sha256="b" * 64,
            body_bytes=20,
            etag="d" * 32,
            version_id=None,
        ),
    ),
)
