"""The command line: areas, the cost of a real account, and the consent to it."""

from __future__ import annotations

import pytest

from local_aws.conformance import __main__ as program
from local_aws.conformance import target
from local_aws.conformance.target import SETTINGS, account_plan

ACCOUNT = {name: name.lower() for name in SETTINGS}


class Serverless:
    def get_workgroup(self, **_request):
        return {"workgroup": {"baseCapacity": 128}}


@pytest.fixture
def account(monkeypatch):
    """Name a real account in the environment, whose workgroup has 128 RPU."""
    for name, value in ACCOUNT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("CONFORMANCE_YES", raising=False)
    monkeypatch.setattr(target, "aws_client", lambda _service, _environment: Serverless())


@pytest.mark.parametrize("arguments", [["--area", "windoes"], ["--part", "api", "--area", "windows"]])
def test_an_area_that_no_chosen_part_has_is_refused(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        program.main(arguments)
    assert ended.value.code == 2
    assert f"has no area {arguments[-1]}" in capsys.readouterr().err


def test_the_cost_follows_the_workgroups_capacity(account):
    assert "base capacity of 128 RPU, Redshift Serverless then costs about 24 USD" in account_plan(ACCOUNT)


def test_a_run_against_an_account_needs_consent(account, monkeypatch, capsys):
    monkeypatch.setattr(program, "account_target", lambda _environment: pytest.fail("the account was used"))
    with pytest.raises(SystemExit) as ended:
        program.main([])
    assert ended.value.code == 2
    assert "CONFORMANCE_YES=1" in capsys.readouterr().err
