"""A client whose packages cannot be installed."""

from __future__ import annotations

import pytest

from local_aws.conformance import client_run
from local_aws.conformance.client_run import run_clients
from local_aws.conformance.example_files import client_checks
from local_aws.conformance.outcome import Outcome, failed
from tests.support.conformance_targets import conformance_target


@pytest.mark.parametrize(
    ("target", "allowed", "fails"),
    [
        (conformance_target(), False, True),
        (conformance_target(), True, False),
        (conformance_target(emulated=False), False, False),
    ],
)
def test_a_check_that_cannot_run_fails_a_run_against_the_emulator(monkeypatch, tmp_path, target, allowed, fails):
    monkeypatch.setattr(client_run, "_installed", lambda _name, _environment: "its packages cannot be installed")
    found = list(run_clients(target, client_checks(), tmp_path, skips_allowed=allowed))
    assert {each.outcome for each in found} == {Outcome.SKIPPED}
    assert failed(found) is fails
