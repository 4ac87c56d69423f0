"""``python -m dev.bench.fetch_worker``: fetch candles in a fresh process, and print its wall time and peak memory.

The responses go through the platform's source, client and raw zone, as in ``fetch_prices``. S3 is left out.
"""

from __future__ import annotations

import json
import re
import resource
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

from crypto_prices.fetch.raw_zone import RawZone
from crypto_prices.fetch.source_client import client_of
from crypto_prices.fetch.sources import get_source
from crypto_prices.settings import SourceSettings
from crypto_prices_contract.markets import Market
from crypto_prices_contract.window import Window

_SOURCE = "binance"
_CANDLE_INTERVAL = "1m"
_END = date(2023, 12, 31)


class _NoS3:
    """Takes objects and forgets them."""

    def put_object(self, **_: object) -> dict[str, str]:
        """Accept an object."""
        return {"ETag": '"0"'}


def main(arguments: Sequence[str]) -> None:
    """Fetch, and print the figures as JSON.

    Args:
        arguments: The address of the exchange's API, the days, the pace in requests a second, and the markets.
    """
    api_url, days, pace, *symbols = arguments
    settings = SourceSettings(symbols=symbols, api_url=api_url, requests_per_second=float(pace))
    source = get_source(_SOURCE, api_url)
    window = Window(_END - timedelta(days=int(days)), _END)
    markets = [Market(symbol, symbol.removesuffix("USDT"), "USDT") for symbol in symbols]
    zone = RawZone(
        s3_client=_NoS3(),
        bucket="lake",
        source=_SOURCE,
        window=window,
        candle_interval=_CANDLE_INTERVAL,
        attempt="bench",
        markets=markets,
        expected_records=0,
    )
    began = time.perf_counter()
    with client_of(source, settings) as client, ThreadPoolExecutor(source.max_connections) as threads:

        def fetch(market: Market) -> int:
            pages = source.fetch_pages(client, market.exchange_symbol, window, _CANDLE_INTERVAL)
            return sum(bool(zone.put_page(market, page)) for page in pages)

        requests = sum(threads.map(fetch, markets))
    seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "peak_mb": _peak_bytes() / 1e6, "requests": requests}))


def _peak_bytes() -> int:
    """Return the peak of this program's resident memory."""
    if sys.platform == "darwin":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux starts ru_maxrss at the peak of the process that started this one, even if that runs another program.
    (kib,) = re.findall(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(kib) * 1024


if __name__ == "__main__":
    main(sys.argv[1:])
