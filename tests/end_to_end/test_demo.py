"""``make demo`` from start to end. The tests share one state folder and build on each other, in this order."""

import os
import re
import signal
import time
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from local_aws.folder_lock import only_process_in
from local_platform.checkout import REPOSITORY
from tests.support.demo_runs import Demo, assert_equal_to_recorded, recorded_rows, write_broken_recording

pytestmark = pytest.mark.timeout(1800)

DAY = date(2023, 12, 17)
MARKETS = ("BTCUSDT", "PEPEUSDT")
FACT = """
    SELECT symbol || quote_currency AS market, observed_at, open_price, high_price, low_price, close_price, base_volume,
        quote_volume, trade_count
    FROM crypto.fact_crypto_prices
    WHERE source = 'binance' AND observed_at >= '{day}' AND observed_at < DATEADD(day, 1, CAST('{day}' AS DATE))
"""
FACT_CHECKSUM = (REPOSITORY / "sql" / "queries" / "fact_checksum.sql").read_text()
CHECKSUM = re.compile(r"crypto\.fact_crypto_prices: (\d+) rows, checksum (-?\d+)")


def checksum(output: str) -> tuple[int, int]:
    found = CHECKSUM.search(output)
    assert found, output
    return int(found[1]), int(found[2])


def assert_ends_with_daily_prices_and_a_receipt(output: str) -> None:
    assert re.search(r"│ binance │ BTC/USDT +│ 24 of 24 │", output), output
    assert re.search(r"RECEIPT binance BTC/USDT 1h  opens 2023-12-17T23:00:00Z .*VERDICT intact", output), output


def assert_equal_to_the_files(demo: Demo, day: date, recorded: dict[tuple[str, str], tuple[str, ...]]) -> None:
    rows = demo.ask(FACT.format(day=day))
    assert_equal_to_recorded(rows, recorded)
    for row in rows:
        assert row["quote_volume"] is None  # not recorded, so not invented
        assert row["trade_count"] is None


def test_an_interrupted_demo_leaves_no_process(demo):
    process = demo.start("--date", str(DAY))
    log = demo.state_dir / "logs" / "demo-airflow.log"
    deadline = time.monotonic() + 1000
    try:
        while not (log.exists() and "starting task_id=curate_prices" in log.read_text()):
            assert time.monotonic() < deadline, "curate_prices did not start"
            assert process.poll() is None, process.stdout.read()
            time.sleep(0.1)
    finally:
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=120)
    assert process.returncode == 130, output
    assert "interrupted" in output
    assert demo.wait_until_gone(60) == []


def test_a_second_start_loads_the_day_with_the_exact_prices_of_the_files(demo):
    result = demo.run("--date", str(DAY))
    assert result.returncode == 0, result.stdout
    assert checksum(result.stdout)[0] == 48
    log = (demo.state_dir / "logs" / "demo-airflow.log").read_text()
    assert re.search(r"The load adds up: of 48 fetched records of binance, 48 are in the warehouse, 0 in quar", log)
    accounting = re.search(r"binance │ +48 │ +48 │ +0 │ +0 │ +48 │ +48 │ +48 │ +0 │", result.stdout)
    assert accounting, result.stdout
    assert re.search(r"binance .*JTOUSDT on 2023-12-17", result.stdout)
    assert "refresh_marts: success" in result.stdout
    assert_ends_with_daily_prices_and_a_receipt(result.stdout)
    assert re.search(r"Done in .* s \(", result.stdout)
    assert demo.wait_until_gone(60) == []
    assert_equal_to_the_files(demo, DAY, recorded_rows(demo.market_data, DAY))


def test_the_same_day_again_loads_nothing_and_shows_the_reason(demo):
    before = demo.ask("SELECT COUNT(*) AS loads, MAX(loaded_at) AS newest FROM crypto.etl_metadata")
    runs = demo.calls().count('"StartJobRun"')
    result = demo.run("--date", str(DAY))
    assert result.returncode == 0, result.stdout
    assert "the warehouse already holds exactly this content" in result.stdout
    assert checksum(result.stdout)[0] == 48
    assert "refresh_marts" not in result.stdout
    assert_ends_with_daily_prices_and_a_receipt(result.stdout)
    assert demo.calls().count('"StartJobRun"') == runs
    assert demo.ask("SELECT COUNT(*) AS loads, MAX(loaded_at) AS newest FROM crypto.etl_metadata") == before


def test_a_reload_with_more_sources_adds_their_rows_and_keeps_the_others(demo):
    before = demo.ask(FACT.format(day=DAY))
    result = demo.run("--date", str(DAY), "--reload", "--sources", "binance,coinbase,coingecko")
    assert result.returncode == 0, result.stdout
    assert "already holds exactly this content" not in result.stdout
    assert re.search(r"3 of binance.* 3 of coinbase.* 1 of coingecko", result.stdout)
    for source, rows in (("binance", 48), ("coinbase", 48), ("coingecko", 24)):
        assert re.search(
            rf"{source} +│ +{rows} │ +{rows} │ +0 │ +0 │ +{rows} │ +{rows} │ +{rows} │ +0 │", result.stdout
        )
    assert checksum(result.stdout)[0] == 48 + 48 + 24
    lines = [line.split("│")[1:3] for line in result.stdout.splitlines() if re.search(r"│ BTC/USDT? ", line)]
    assert [(source.strip(), market.strip()) for source, market in lines] == [
        ("binance", "BTC/USDT"), ("coinbase", "BTC/USD"), ("coingecko", "BTC/USD"),
        # A single price has no close, so the marts have no daily price of it.
        ("binance", "BTC/USDT"), ("coinbase", "BTC/USD"),
    ]  # fmt: skip
    assert demo.ask(FACT.format(day=DAY)) == before
    assert_equal_to_the_files(demo, DAY, recorded_rows(demo.market_data, DAY))


def test_a_loaded_number_has_a_receipt(demo):
    done = demo.dev("explain", "--market", "BTC/USDT", "--source", "binance", "--at", f"{DAY}T13:00")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "VERDICT intact" in done.stdout
    assert "[ok] row read back by COPY: all 16 columns equal the fact" in done.stdout
    assert "[ok] parsed again, independently: 8 of 8 values equal" in done.stdout
    assert "written to s3://" in done.stderr


def test_no_staging_table_remains(demo):
    tables = demo.ask(
        "SELECT table_name FROM information_schema.tables "
        "WHERE table_schema = 'crypto' AND table_name LIKE 'stg_crypto_prices_%'"
    )
    assert tables == []


def test_the_rows_can_be_asked_for_while_nothing_runs(demo):
    (expected,) = demo.ask("SELECT COUNT(*) AS rows_now FROM crypto.fact_crypto_prices")
    done = demo.sql("SELECT COUNT(*) AS rows_now FROM crypto.fact_crypto_prices")
    assert (done.returncode, done.stdout) == (0, f"rows_now\n{expected['rows_now']}\n")
    assert demo.wait_until_gone(60) == []


def test_an_unknown_symbol_is_rejected_in_seconds_before_anything_starts(demo):
    calls = demo.calls()
    began = time.monotonic()
    result = demo.run("--date", "2023-12-19", "--symbols", "BTCUSDT,XYZUSDT")
    assert time.monotonic() - began < 30  # a start of the local AWS alone takes seconds
    assert result.returncode == 2
    assert "SYMBOLS: " in result.stdout
    assert "no market XYZUSDT of binance" in result.stdout
    assert demo.calls() == calls


def test_a_failed_task_is_reported_and_changes_nothing(demo, tmp_path):
    write_broken_recording(tmp_path / "broken")
    before = demo.ask("SELECT COUNT(*) AS rows_now FROM crypto.fact_crypto_prices")
    result = Demo(demo.state_dir, tmp_path / "broken").run("--date", "2023-12-19")
    assert result.returncode == 1, result.stdout
    assert "curate_prices failed" in result.stdout
    assert "end of the log of curate_prices" in result.stdout
    assert demo.ask("SELECT COUNT(*) AS rows_now FROM crypto.fact_crypto_prices") == before


def test_a_state_folder_in_use_is_rejected(demo):
    with only_process_in(demo.state_dir):
        result = demo.run("--date", str(DAY))
    assert result.returncode == 1
    assert f"already runs on {demo.state_dir} (process {os.getpid()})" in " ".join(result.stdout.split())


@pytest.fixture(scope="module")
def market_data():
    folder = os.environ.get("MARKET_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("MARKET_DATA is not a folder of recorded candles")
    return Path(folder).resolve()


def test_recorded_candles_of_real_markets_keep_every_digit(demo, market_data):
    day = date(2023, 12, 20)
    (before,) = demo.ask(FACT_CHECKSUM)
    real = Demo(demo.state_dir, market_data)
    result = real.run("--date", str(day))
    assert result.returncode == 0, result.stdout
    recorded = recorded_rows(market_data, day)
    assert checksum(result.stdout)[0] - int(before["row_total"]) == len(recorded) > 0
    # Polygon replaced MATIC by POL, one for one, so both have the symbol POL.
    named = {(market.replace("MATIC", "POL"), opened): row for (market, opened), row in recorded.items()}
    assert_equal_to_the_files(real, day, named)
    assert min(Decimal(value) for row in recorded.values() for value in row[:4]) > 0
