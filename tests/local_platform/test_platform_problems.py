"""The developer commands on a platform that lacks a resource or has invalid settings."""

from __future__ import annotations

import contextlib

import pytest
from botocore.exceptions import ClientError
from crypto_prices.settings import SettingsError

from dev.explain import command as explain
from dev.report import command as report
from local_platform import local_receipt
from local_platform.platform_problems import problem_text

QUESTION = ["--market", "BTC/USDT", "--source", "binance", "--at", "2024-01-05T13:00"]
NO_JOB = ClientError({"Error": {"Code": "EntityNotFoundException", "Message": "Job x not found"}}, "GetJobRuns")
DENIED = ClientError({"Error": {"Code": "AccessDenied", "Message": "User x is not authorized"}}, "GetSecretValue")
THROTTLED = ClientError({"Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"}}, "GetJobRuns")
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


@pytest.mark.parametrize("error", [DENIED, THROTTLED], ids=["denied", "throttled"])
def test_an_error_of_a_resource_that_exists_has_no_remedy_for_a_missing_one(error):
    assert problem_text(error) == str(error)
