"""``make demo`` from beginning to end. The tests share one state folder and build on each other, in this order."""

import os
import re
import signal
import time
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.demo_runs import Demo, recorded_rows

pytestmark = [pytest.mark.slow, pytest.mark.spark, pytest.mark.timeout(600)]

DAY = date(2023, 12, 17)
MARKETS = ("BTCUSDT", "PEPEUSDT")
FACT = """
    SELECT symbol || quote_currency AS market, observed_at, open_price, high_price, low_price, close_price, base_volume,
        quote_volume, trade_count
    FROM crypto.fact_crypto_prices WHERE observed_at >= '{day}' AND observed_at < DATEADD(day, 1, CAST('{day}' AS DATE))
"""
CHECKSUM = re.compile(r"crypto\.fact_crypto_prices: (\d+) rows, checksum (-?\d+)")


def checksum(output: str) -> tuple[int, int]:
    found = CHECKSUM.search(output)
    assert found, output
    return int(found[1]), int(found[2])


def assert_equal_to_the_files(demo: Demo, day: date, recorded: dict[tuple[str, str], tuple[str, ...]]) -> None:
    """Compare each price in the warehouse with the file's decimal string, digit for digit."""
    rows = {(row["market"], row["observed_at"]): row for row in demo.ask(FACT.format(day=day))}
    assert {(market, str(at)[:19]) for market, at in rows} == set(recorded)
    for (market, at), row in rows.items():
        columns = ("open_price", "high_price", "low_price", "close_price", "base_volume")
        for column, expected in zip(columns, recorded[market, str(at)[:19]], strict=True):
            whole, _, decimals = expected.partition(".")
            # A DECIMAL(38, 18) comes back with 18 decimals; the exchange's digits must stand before the padding.
            assert row[column] == f"{whole}.{decimals:0<18}", (market, at, column)
        assert row["quote_volume"] is None  # not recorded, so not invented
        assert row["trade_count"] is None


def test_an_interrupted_demo_leaves_no_process_and_nothing_half_done(demo):
    process = demo.start("--date", str(DAY))
    log = demo.state_dir / "logs" / "demo-airflow.log"
    deadline = time.monotonic() + 120
    while not (log.exists() and "starting task_id=curate_prices" in log.read_text()):
        assert time.monotonic() < deadline
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert "run the same command to go on" in output
    assert demo.wait_until_gone(10) == []


def test_started_again_it_loads_the_day_and_every_price_is_the_files_digit_for_digit(demo):
    result = demo.run("--date", str(DAY))
    assert result.returncode == 0, result.stdout
    assert checksum(result.stdout)[0] == 48
    accounting = re.search(r"binance │ +48 │ +48 │ +0 │ +0 │ +48 │ +48 │ +48 │ +0 │", result.stdout)
    assert accounting, result.stdout
    assert "binance has no candle of JTOUSDT on 2023-12-17; recorded, not an error" in result.stdout
    assert re.search(r"Done in .* s \(", result.stdout)
    assert demo.wait_until_gone(10) == []
    assert_equal_to_the_files(demo, DAY, recorded_rows(demo.market_data, DAY))


def test_the_same_day_again_loads_nothing_and_says_why(demo):
    before = demo.ask("SELECT COUNT(*) AS loads, MAX(loaded_at) AS newest FROM crypto.etl_metadata")
    runs = demo.calls().count('"StartJobRun"')
    result = demo.run("--date", str(DAY))
    assert result.returncode == 0, result.stdout
    assert "Nothing had to be loaded again: the warehouse already holds exactly this content" in result.stdout
    assert checksum(result.stdout)[0] == 48
    assert demo.calls().count('"StartJobRun"') == runs
    assert demo.ask("SELECT COUNT(*) AS loads, MAX(loaded_at) AS newest FROM crypto.etl_metadata") == before


def test_a_reload_loads_the_day_again_and_the_checksum_stays(demo):
    result = demo.run("--date", str(DAY), "--reload", "--symbols", "BTCUSDT,PEPEUSDT,JTOUSDT")
    assert result.returncode == 0, result.stdout
    assert "Nothing had to be loaded" not in result.stdout
    again = demo.run("--date", str(DAY))
    assert checksum(result.stdout) == checksum(again.stdout)


def test_another_day_adds_its_rows_and_leaves_the_first_alone(demo):
    result = demo.run("--date", "2023-12-18")
    assert result.returncode == 0, result.stdout
    assert checksum(result.stdout)[0] == 48 + 72
    assert_equal_to_the_files(demo, DAY, recorded_rows(demo.market_data, DAY))
    assert_equal_to_the_files(demo, date(2023, 12, 18), recorded_rows(demo.market_data, date(2023, 12, 18)))


def test_three_sources_stand_side_by_side(demo):
    result = demo.run("--date", "2023-12-18", "--sources", "binance,coinbase,coingecko")
    assert result.returncode == 0, result.stdout
    assert "markets: 3 of binance and 3 of coinbase and 1 of coingecko" in result.stdout
    for source, rows in (("binance", 72), ("coinbase", 72), ("coingecko", 24)):
        assert re.search(
            rf"{source} +│ +{rows} │ +{rows} │ +0 │ +0 │ +{rows} │ +{rows} │ +{rows} │ +0 │", result.stdout
        )
    lines = [line.split("│")[1:3] for line in result.stdout.splitlines() if re.search(r"BTC/USDT? ", line)]
    assert [(source.strip(), market.strip()) for source, market in lines] == [
        ("binance", "BTC/USDT"), ("coinbase", "BTC/USD"), ("coingecko", "BTC/USD"),
    ]  # fmt: skip


def test_no_staging_table_is_left(demo):
    tables = demo.ask(
        "SELECT table_name FROM information_schema.tables "
        "WHERE table_schema = 'crypto' AND table_name LIKE 'stg_crypto_prices_%'"
    )
    assert tables == []


def test_an_unknown_symbol_fails_naming_it_and_changes_nothing(demo):
    before = demo.ask("SELECT COUNT(*) AS rows_now FROM crypto.fact_crypto_prices")
    result = demo.run("--date", "2023-12-19", "--symbols", "BTCUSDT,XYZUSDT")
    assert result.returncode == 1
    assert "fetch_prices[0] failed" in result.stdout
    assert "XYZUSDT" in result.stdout
    assert "Invalid symbol" in result.stdout
    assert "end of the log of fetch_prices[0]" in result.stdout
    assert demo.ask("SELECT COUNT(*) AS rows_now FROM crypto.fact_crypto_prices") == before


def test_one_local_aws_per_state_folder_is_said_in_words(demo):
    from local_platform.local_aws_process import running_platform_aws

    with running_platform_aws(demo.state_dir):
        result = demo.run("--date", str(DAY))
    assert result.returncode == 1
    assert "already runs on" in result.stdout


@pytest.fixture(scope="module")
def market_data():
    folder = os.environ.get("MARKET_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("MARKET_DATA names no folder of recorded candles")
    return Path(folder).resolve()


def test_recorded_candles_of_real_markets_come_out_digit_for_digit(market_data, tmp_path):
    demo = Demo(tmp_path / "state", market_data)
    result = demo.run("--date", "2023-12-18")
    assert result.returncode == 0, result.stdout
    recorded = recorded_rows(market_data, date(2023, 12, 18))
    assert checksum(result.stdout)[0] == len(recorded) > 0
    assert_equal_to_the_files(demo, date(2023, 12, 18), recorded)
    assert min(Decimal(value) for row in recorded.values() for value in row[:4]) > 0
