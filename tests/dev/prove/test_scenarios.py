"""Tests of the platform that the scenarios use."""

import contextlib
from types import SimpleNamespace

import pytest

from dev.prove import scenarios
from dev.prove.scenarios import Hold, Platform


@pytest.fixture
def clock(monkeypatch):
    now = SimpleNamespace(seconds=0.0)
    monkeypatch.setattr(scenarios, "time", SimpleNamespace(monotonic=lambda: now.seconds))
    return now


@pytest.fixture
def platform(clock, monkeypatch, tmp_path):
    """A platform whose pipelines know when their worker got its credentials."""
    monkeypatch.setattr(scenarios, "start_worker", lambda *_: clock.seconds)
    monkeypatch.setattr(scenarios, "Pipeline", contextlib.nullcontext)
    return Platform(SimpleNamespace(endpoint=""), Hold(), {}, "dev", tmp_path)


@pytest.mark.parametrize(("minutes", "renewed"), [(10, False), (40, True)])
def test_a_worker_gets_new_credentials_before_its_own_expire(platform, clock, minutes, renewed):
    first = platform.pipeline
    clock.seconds = minutes * 60.0
    platform.renew_credentials()
    assert (platform.pipeline != first) is renewed
