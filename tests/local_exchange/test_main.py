import json
import re
import signal
import subprocess
import sys
import urllib.request

import pytest

from local_platform.checkout import REPOSITORY


def start(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "local_exchange", *arguments],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_it_is_stopped(number):
    process = start("--port", "0", "--host", "0.0.0.0")
    line = re.fullmatch(r"The exchange is ready at (\S+)\.\n", process.stdout.readline())
    with urllib.request.urlopen(f"{line[1]}/binance/api/v3/klines?symbol=BTCUSDT&interval=1h&limit=2") as answer:
        assert len(json.load(answer)) == 2
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")


def test_startup_errors_are_reported(tmp_path):
    process = start("--port", "0", "--market-data", str(tmp_path))
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert str(tmp_path) in errors
    assert "Traceback" not in errors
    process = start("--port", "0", "--host", "203.0.113.1")
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert errors == "Port 0 of 203.0.113.1 cannot be used: Cannot assign requested address.\n"
