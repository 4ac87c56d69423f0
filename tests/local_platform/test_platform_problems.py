"""The developer commands on a platform that lacks a resource or has invalid settings."""

from __future__ import annotations

import contextlib

import pytest
from botocore.exceptions import ClientError
from crypto_prices.settings import SettingsError

from dev.explain import command as explain
from dev.report import command as report
from local_platform import local_receipt

QUESTION = ["--market", "BTC/USDT", "--source", "binance", "--at", "2024-01-05T13:00"]
NO_JOB = ClientError({"Error": {"Code": "EntityNotFoundException", "Message": "Job x not found"}}, "GetJobRuns")
INVALID = SettingsError("the Airflow Variable crypto_prices is invalid: s3_bucket is missing")


@pytest.mark.parametrize(("error", "remedy"), [(NO_JOB, "make demo"), (INVALID, "s3_bucket is missing")])
@pytest.mark.parametrize(
    ("command", "settings_of", "arguments"),
    [(report, report, []), (explain, local_receipt, QUESTION)],
    ids=["report", "explain"],
)
def test_the_problem_and_its_remedy_are_printed(
    command, settings_of, arguments, error, remedy, monkeypatch, tmp_path, capsys
):
    def fails(_address):
        raise error

    monkeypatch.setattr(command, "open_warehouse", lambda _state: contextlib.nullcontext())
    monkeypatch.setattr(settings_of, "provisioned_settings", fails)
    assert command.main([*arguments, "--state-dir", str(tmp_path)]) == 1
    printed = capsys.readouterr().err
    assert str(error) in printed
    assert remedy in printed
