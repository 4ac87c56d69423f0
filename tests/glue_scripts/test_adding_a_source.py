"""Follow docs/how-to/add-a-source.md step by step in a copy of the bundle, and load the added source."""

from __future__ import annotations

import json
import re
import sys
import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from tests.support import guide
from tests.support.guide import REPOSITORY
from tests.support.lake import BUCKET

pytestmark = [pytest.mark.usefixtures("starts_spark"), pytest.mark.timeout(1500)]

PAGE = REPOSITORY / "docs" / "how-to" / "add-a-source.md"

# More candles than fit into one response, on few days, because each day is a folder to write. No other test publishes
# these.
START, DAYS = datetime(2022, 3, 1, tzinfo=UTC), 4
STEP, CANDLES = 300, 4 * 288
FIRST = int(START.timestamp()) // STEP
# One in the range of each request, so that each response reaches back further than requested.
MISSING = {FIRST + 500, FIRST + 1100}
LISTED = [
    {"market_symbol": f"{base}{quote}".lower(), "base_currency": base, "counter_currency": quote, "market_type": "SPOT"}
    for base, quote in (("BTC", "USD"), ("ETH", "USD"), ("BTC", "PAX"))
]
ODD = {"nopeusd": "404", "oddusd": "without a list of candles"}


def candle(number: int) -> dict[str, str]:
    """Return a candle of the exchange with unique digits. Its numbers are texts of various lengths."""
    price = Decimal(42000) + Decimal(number % 5000) / 100
    return {
        "close": f"{price + 1:.10f}",
        "high": f"{price + 2:f}",
        "low": f"0.{number % 7}00000000000000001",
        "open": f"{price:f}",
        "timestamp": str(number * STEP),
        "volume": f"{number}.{number % 100:08d}",
    }


class Bitstamp:
    """The exchange's documented behavior: it returns the last ``limit`` candles up to the one that opens at ``end``."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """Respond to one request."""
        request = Request(environ)
        return self.answer(request.path, request.args.to_dict())(environ, start_response)

    def answer(self, path: str, asked: dict[str, str]) -> Response:
        """Return the response."""
        if path == "/api/v2/markets/":
            return Response(json.dumps(LISTED), content_type="application/json")
        market = re.fullmatch(r"/api/v2/ohlc/([a-z]+)/", path)
        if market and market[1] == "oddusd":
            return Response('{"data": {"pair": "ODD/USD"}}', content_type="application/json")
        if not market or market[1] not in ("btcusd", "btcpax"):
            return Response("Not found", status=404)
        assert 1 <= int(asked["limit"]) <= 1000
        assert asked["step"] == str(STEP)
        self.asked.append(asked)
        number = int(asked["end"]) // STEP
        candles: list[dict[str, str]] = []
        while len(candles) < int(asked["limit"]):
            if number not in MISSING:
                candles.insert(0, candle(number))
            number -= 1
        # The real exchange also writes blanks.
        return Response(json.dumps({"data": {"ohlc": candles, "pair": "X"}}), content_type="application/json")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository after the steps of the page."""
    return guide.follow(PAGE, tmp_path_factory.mktemp("bundle"))


@pytest.fixture(scope="module")
def settings() -> dict[str, Any]:
    """The settings from docs/reference/settings.md, with the sources of the page."""
    page = (REPOSITORY / "docs" / "reference" / "settings.md").read_text()
    example = re.search(r"```json\n(.*?)```", page, re.DOTALL)
    assert example
    ((key, text),) = [(step.file, step.text) for step in guide.steps(PAGE) if step.kind == "json"]
    assert key == "crypto_prices_settings"
    return json.loads(example[1]) | {"sources": json.loads(text)}


@pytest.fixture(scope="module")
def loaded(bundle, settings, lake):
    """The program's output, the queries that the exchange received, and the curated rows."""
    exchange = Bitstamp()
    server = make_server("127.0.0.1", 0, exchange, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        ours = {"symbols": ["btcusd", "btcpax"], "api_url": f"http://127.0.0.1:{server.port}"}
        ended = guide.run_in(
            bundle,
            str(bundle / "tests" / "glue_scripts" / "load_added_source.py"),
            *(BUCKET, f"{START:%Y-%m-%d}", f"{START + timedelta(days=DAYS):%Y-%m-%d}"),
            json.dumps(settings | {"sources": {"bitstamp": ours}, "candle_interval": "5m"}),
            *ODD,
            AWS_ENDPOINT_URL=lake.endpoint_url,
            AWS_REGION="us-east-1",
            AWS_ACCESS_KEY_ID="test",
            AWS_SECRET_ACCESS_KEY="test",
            PYSPARK_PYTHON=sys.executable,
            timeout=1200,
        )
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert ended.returncode == 0, ended.stderr[-5000:]
    rows = [
        row
        for key in lake.keys("curated/crypto_prices/version=jr_added/")
        if key.endswith(".parquet")
        for row in pq.read_table(BytesIO(lake.body(key))).to_pylist()
    ]
    return json.loads(ended.stdout.splitlines()[-1]), exchange.asked, rows


def test_the_settings_contain_it_and_its_markets_have_canonical_names(bundle, settings):
    code = """
import json, sys
from datetime import UTC, date, datetime
from types import SimpleNamespace
from crypto_prices.plan.check_sources import check_sources
from crypto_prices.settings import parse_settings
from crypto_prices.fetch.exchange_markets import ask_markets
from crypto_prices.fetch.http_client import Response
from crypto_prices.fetch.markets import MarketsByDay
from crypto_prices.fetch.sources import get_source
wanted = parse_settings(sys.argv[1])
check_sources(wanted)
answer = Response("https://x", 200, sys.argv[2].encode(), datetime.now(UTC), json.loads(sys.argv[2]))
client = SimpleNamespace(get_json=lambda url, headers: answer)
found = ask_markets(get_source("bitstamp"), client, wanted.sources["bitstamp"].symbols, {})
print(*(market.name for market in MarketsByDay({"bitstamp": found.pairs}).on(date(2022, 3, 1))["bitstamp"]))
"""
    checked = guide.run_in(bundle, "-c", code, json.dumps(settings), json.dumps(LISTED))
    assert checked.returncode == 0, checked.stderr[-3000:]
    assert checked.stdout.split() == ["BTC/USD", "ETH/USD", "BTC/USDP"]


def test_a_long_window_takes_few_requests_and_earlier_candles_are_surplus(bundle, loaded):
    found, asked, _ = loaded
    assert all(Path(file).is_relative_to(bundle) for file in found["imported_from"])
    assert asked == 2 * [
        {"step": str(STEP), "limit": str(limit), "end": str((FIRST + last) * STEP)}
        for limit, last in ((1000, 999), (152, 1151))
    ]
    # The missing candle in the first range is replaced by one before the window, that in the second by a duplicate.
    assert [(o["records"], o["surplus"]) for o in found["manifest"]["objects"]] == 2 * [(1000, 1), (152, 0)]


def test_every_candle_is_curated_digit_for_digit(loaded):
    found, _, rows = loaded
    numbers = [FIRST + n for n in range(CANDLES) if FIRST + n not in MISSING]
    assert found["report"]["sources"]["bitstamp"] == {
        "fetched": 2 * (len(numbers) + 1),
        "curated": 2 * len(numbers),
        "quarantined": {},
        "duplicates": 2,
    }
    expected = {
        ("BTC", quote, datetime.fromtimestamp(number * STEP, UTC)): {
            "source": "bitstamp",
            "candle_interval": "5m",
            "open_price": Decimal(candle(number)["open"]),
            "high_price": Decimal(candle(number)["high"]),
            "low_price": Decimal(candle(number)["low"]),
            "close_price": Decimal(candle(number)["close"]),
            "base_volume": Decimal(candle(number)["volume"]),
            "quote_volume": None,
            "trade_count": None,
            "market_cap": None,
        }
        for quote in ("USD", "USDP")
        for number in numbers
    }
    assert len(rows) == len(expected)
    for row in rows:
        key = row["symbol"], row["quote_currency"], row["observed_at"].replace(tzinfo=UTC)
        wanted = expected.pop(key)
        assert {column: row[column] for column in wanted} == wanted
    assert expected == {}


def test_a_response_without_a_list_of_candles_is_refused_with_the_reason(loaded):
    found, _, _ = loaded
    assert found["refusals"].keys() == ODD.keys()
    for market, reason in ODD.items():
        assert reason in found["refusals"][market]


def test_the_bundles_tests_of_all_sources_pass_with_it(bundle):
    tests = (
        "tests/plugins/crypto_prices/fetch/sources/test_base.py",
        "tests/plugins/crypto_prices/fetch/test_asset_names.py",
        "tests/dev/demo/test_options.py",
    )
    ended = guide.run_in(bundle, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests)
    assert ended.returncode == 0, ended.stdout[-3000:]


def test_its_code_has_the_bundles_style_and_types(bundle):
    added = guide.changed_files(PAGE)
    code = [file for file in added if not file.startswith("tests/")]
    for check in (["ruff", "check", "--no-cache", *added], ["ruff", "format", "--check", "--no-cache", *added]):
        ended = guide.run_in(bundle, "-m", *check)
        assert ended.returncode == 0, ended.stdout
    ended = guide.run_in(bundle, "-m", "mypy", *code)
    assert ended.returncode == 0, ended.stdout


def test_the_suggested_trial_run_requests_its_markets(bundle):
    command = re.search(r"^    make demo (.* )SOURCES=(\S+) SYMBOLS=(\S+)", PAGE.read_text(), re.MULTILINE)
    assert command
    assert "LIVE=1" in command[1]
    code = """
import argparse, sys
from local_platform.markets import add_options, chosen_markets
parser = argparse.ArgumentParser()
add_options(parser)
given = parser.parse_args(sys.argv[1:])
print(dict(chosen_markets(parser, given, live=True).symbols))
chosen_markets(parser, given)
"""
    chosen = guide.run_in(bundle, "-c", code, "--sources", command[2], "--symbols", command[3])
    assert chosen.stdout.strip() == "{'bitstamp': ['btcusd', 'btcpax']}", chosen.stderr
    assert chosen.returncode == 2
    assert "the local exchange does not have the API of bitstamp. make demo LIVE=1" in chosen.stderr
