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

# More candles than fit into two responses, on few days, because each day is a folder to write. No other test publishes
# these.
START, DAYS = datetime(2022, 9, 1, tzinfo=UTC), 4
STEP, CANDLES = 300_000, 4 * 288
FIRST = int(START.timestamp()) * 1000 // STEP
# One in the range of each request. The exchange leaves out candles without a trade.
MISSING = {FIRST + 400, FIRST + 700, FIRST + 1100}
LISTED = [
    {"symbol": f"{base}_USDT", "baseCurrencyName": base, "quoteCurrencyName": "USDT", "state": "NORMAL"}
    for base in ("BTC", "ETH", "STR")
]
ODD = {"NOPE_USDT": "404", "ODD_USDT": "without a list of candles"}


def candle(number: int) -> list[str | int]:
    """Return a candle of the exchange with unique digits. Its numbers are texts of various lengths."""
    price = Decimal(20000) + Decimal(number % 5000) / 100
    opened = number * STEP
    return [
        *(f"0.{number % 7}00000000000000001", f"{price + 2:f}", f"{price:f}", f"{price + 1:.10f}"),
        *(f"{number}.5", f"{number}.{number % 100:08d}", "0.1", "0.2", number % 50, opened + 299_000, "1", "MINUTE_5"),
        *(opened, opened + STEP - 1),
    ]


class Poloniex:
    """The exchange's documented behavior: it returns the candles that open in the requested range, oldest first."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """Respond to one request."""
        request = Request(environ)
        return self.answer(request.path, request.args.to_dict())(environ, start_response)

    def answer(self, path: str, asked: dict[str, str]) -> Response:
        """Return the response."""
        if path == "/markets":
            return Response(json.dumps(LISTED), content_type="application/json")
        market = re.fullmatch(r"/markets/([A-Z_]+)/candles", path)
        if market and market[1] == "ODD_USDT":
            return Response('{"candles": []}', content_type="application/json")
        if not market or market[1] not in ("BTC_USDT", "STR_USDT"):
            return Response("Not found", status=404)
        assert 1 <= int(asked["limit"]) <= 500
        assert asked["interval"] == "MINUTE_5"
        self.asked.append(asked)
        numbers = range(-(-int(asked["startTime"]) // STEP), int(asked["endTime"]) // STEP + 1)
        candles = [candle(number) for number in numbers if number not in MISSING][: int(asked["limit"])]
        # The real exchange also writes blanks.
        return Response(json.dumps(candles), content_type="application/json")


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
    exchange = Poloniex()
    server = make_server("127.0.0.1", 0, exchange, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        ours = {"symbols": ["BTC_USDT", "STR_USDT"], "api_url": f"http://127.0.0.1:{server.port}"}
        ended = guide.run_in(
            bundle,
            str(bundle / "tests" / "glue_scripts" / "load_added_source.py"),
            *(BUCKET, f"{START:%Y-%m-%d}", f"{START + timedelta(days=DAYS):%Y-%m-%d}"),
            json.dumps(settings | {"sources": {"poloniex": ours}, "candle_interval": "5m"}),
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
found = ask_markets(get_source("poloniex"), client, wanted.sources["poloniex"].symbols, {})
print(*(market.name for market in MarketsByDay({"poloniex": found.pairs}).on(date(2022, 9, 1))["poloniex"]))
"""
    checked = guide.run_in(bundle, "-c", code, json.dumps(settings), json.dumps(LISTED))
    assert checked.returncode == 0, checked.stderr[-3000:]
    assert checked.stdout.split() == ["BTC/USDT", "ETH/USDT", "XLM/USDT"]


def test_a_long_window_takes_few_requests(bundle, loaded):
    found, asked, _ = loaded
    assert all(Path(file).is_relative_to(bundle) for file in found["imported_from"])
    assert asked == 2 * [
        {"interval": "MINUTE_5", "limit": "500", "startTime": str(first * STEP), "endTime": str(end * STEP - 1)}
        for first, end in ((FIRST, FIRST + 500), (FIRST + 500, FIRST + 1000), (FIRST + 1000, FIRST + CANDLES))
    ]
    assert [(o["records"], o["surplus"]) for o in found["manifest"]["objects"]] == 2 * [(499, 0), (499, 0), (151, 0)]


def test_every_candle_is_curated_digit_for_digit(loaded):
    found, _, rows = loaded
    numbers = [FIRST + n for n in range(CANDLES) if FIRST + n not in MISSING]
    assert found["report"]["sources"]["poloniex"] == {
        "fetched": 2 * len(numbers),
        "curated": 2 * len(numbers),
        "quarantined": {},
        "duplicates": 0,
    }
    expected = {}
    for symbol in ("BTC", "XLM"):
        for number in numbers:
            low, high, opened, close, quote_volume, base_volume, _, _, trades, *_ = candle(number)
            expected[symbol, "USDT", datetime.fromtimestamp(number * STEP // 1000, UTC)] = {
                "source": "poloniex",
                "candle_interval": "5m",
                "open_price": Decimal(opened),
                "high_price": Decimal(high),
                "low_price": Decimal(low),
                "close_price": Decimal(close),
                "base_volume": Decimal(base_volume),
                "quote_volume": Decimal(quote_volume),
                "trade_count": trades,
                "market_cap": None,
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
    assert chosen.stdout.strip() == "{'poloniex': ['BTC_USDT', 'ETH_USDT']}", chosen.stderr
    assert chosen.returncode == 2
    assert "the local exchange does not have the API of poloniex. make demo LIVE=1" in chosen.stderr
