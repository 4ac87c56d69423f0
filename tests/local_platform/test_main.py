import json
import signal
import urllib.request

import pytest

from tests.support.programs import processes_with, start


def test_it_creates_what_the_platform_needs_and_serves_the_exchange(tmp_path):
    process = start("local_platform", "--state-dir", tmp_path, "--port", 0)
    greeting = ""
    while "AWS_EC2_METADATA_DISABLED" not in greeting:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        greeting += line
    found = json.loads((tmp_path / "endpoint.json").read_text())
    assert "Created:\n  bucket crypto-prices-lake\n" in greeting
    assert found["names"]["glue_job"] == "curate_crypto_prices"
    candles = f"{found['endpoint']}/exchange/binance/api/v3/klines?symbol=BTCUSDT&interval=1h&limit=2"
    with urllib.request.urlopen(candles) as answer:
        assert len(json.load(answer)) == 2
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")
    assert processes_with(str(tmp_path)) == []


def test_a_name_that_aws_refuses_is_said(tmp_path):
    process = start("local_platform", "--state-dir", tmp_path, "--port", 0, "--s3-bucket", "Bad_Bucket")
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (1, "")
    assert errors.startswith("What the platform needs cannot be created: ")
    assert "CreateBucket" in errors
    assert len(errors.splitlines()) == 1


@pytest.mark.parametrize("folder", ["missing", "empty"])
def test_a_folder_without_recorded_candles_is_refused(tmp_path, folder):
    (tmp_path / "empty").mkdir()
    process = start(
        "local_platform", "--state-dir", tmp_path / "state", "--port", 0, "--market-data", tmp_path / folder
    )
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (1, "")
    assert errors.startswith("--market-data: ")
    assert str(tmp_path / folder) in errors
    assert len(errors.splitlines()) == 1
    assert processes_with(str(tmp_path)) == []


def test_a_catalog_without_a_table_is_refused(tmp_path):
    process = start("local_platform", "--state-dir", tmp_path, "--port", 0, "--catalog", "crypto")
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (1, "")
    assert errors == "--catalog is <database>.<table>, not 'crypto'\n"


def test_help_names_the_options_of_the_emulator_and_its_own():
    process = start("local_platform", "--help")
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    for option in (
        "--state-dir",
        "--port",
        "--region",
        "--enforce-iam",
        "--market-data",
        "--no-provision",
        "--s3-bucket",
    ):
        assert option in output
