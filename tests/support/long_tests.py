"""Tests that take many minutes. They run only with LONG_TESTS: make test LONG_TESTS=1."""

from __future__ import annotations

import os

import pytest

LONG_TESTS = bool(os.environ.get("LONG_TESTS"))
takes_long = pytest.mark.skipif(not LONG_TESTS, reason="LONG_TESTS is not set: this takes long")


def seeds(few: int, many: int) -> range:
    """Return the seeds of a test's random sequences: many of them only with LONG_TESTS."""
    return range(many if LONG_TESTS else few)
