import json
import re
import signal
import urllib.request

import pytest

from local_aws.ports import bound_socket
from tests.support.programs import greeting_of, processes_with, start

pytestmark = pytest.mark.usefixtures("starts_local_aws")


def test_starting_provisions_the_platform_and_serves_the_exchange(tmp_path):
    process = start("local_platform", "--state-dir", tmp_path, "--port", 0)
    greeting = greeting_of(process)
    found = json.loads((tmp_path / "endpoint.json").read_text())
    assert "bucket crypto-prices-lake\n" in greeting
    assert found["names"]["glue_job"] == "curate_crypto_prices"
    candles = f"{found['endpoint']}/exchange/binance/api/v3/klines?symbol=BTCUSDT&interval=1h&limit=2"
    with urllib.request.urlopen(candles) as answer:
        assert len(json.load(answer)) == 2
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")
    assert processes_with(str(tmp_path)) == []


def test_a_name_that_aws_rejects_is_reported_in_one_line(tmp_path):
    process = start("local_platform", "--state-dir", tmp_path, "--port", 0, "--s3-bucket", "Bad_Bucket")
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (1, "")

    assert "CreateBucket" in errors
    assert len(errors.splitlines()) == 1


@pytest.mark.parametrize("folder", ["missing", "empty"])
def test_a_folder_without_recorded_candles_is_rejected(tmp_path, folder):
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


def test_a_catalog_without_a_table_is_rejected(tmp_path):
    process = start("local_platform", "--state-dir", tmp_path, "--port", 0, "--catalog", "crypto")
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (1, "")
    assert "--catalog" in errors
    assert "--catalog=crypto" in errors
    assert len(errors.splitlines()) == 1


def test_help_lists_the_options_of_emulator_and_platform():
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


@pytest.mark.parametrize(
    ("option", "variable"), [("--port", r"AWS_PORT= \(--port\)"), ("--warehouse-port", r"WAREHOUSE_PORT= \(--w")]
)
def test_a_port_in_use_is_reported_in_one_line_with_the_variable_of_make(tmp_path, option, variable):
    with bound_socket(0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        process = start("local_platform", "--state-dir", tmp_path, "--port", 0, option, port)
        output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (1, "")
    assert re.search(rf"Port {port} .*{variable}", errors)
    assert len(errors.splitlines()) == 1
    assert processes_with(str(tmp_path)) == []


def test_a_state_folder_that_cannot_be_used_is_reported_in_one_line(tmp_path):
    (tmp_path / "file").touch()
    process = start("local_platform", "--state-dir", tmp_path / "file" / "state", "--port", 0)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (1, "")
    assert "is not a folder" in errors
    assert "STATE=" in errors
    assert len(errors.splitlines()) == 1
