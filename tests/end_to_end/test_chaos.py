"""A sample of ``make chaos``, and guards whose absence it must notice. All of it takes hours: see the README.

The sample takes some five minutes, so it runs when LONG_TESTS is set: LONG_TESTS=1 make test
"""

import os

import pytest

from local_aws.chaos.cases import Case, Recovery
from local_aws.chaos.faults import Kind
from local_aws.chaos.guards import GUARDS
from local_aws.chaos.waves import Waves

pytestmark = [
    pytest.mark.slow,
    pytest.mark.spark,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not os.environ.get("LONG_TESTS"), reason="LONG_TESTS is not set: this takes minutes"),
]

SAMPLE = [
    Case("put curated file #1", Kind.KILLED, Recovery.RETRY),
    Case("merge_into_fact: commit", Kind.REFUSED, Recovery.CLEAR_FAILED),
    Case("submit copy_to_staging", Kind.LOST, Recovery.SECOND_RUN),
]
GUARDS_OFF = ("one-transaction",)


@pytest.fixture(scope="module")
def waves(bench):
    return Waves(bench)


@pytest.fixture(scope="module")
def outcomes(waves):
    """All in one wave: the sample, and guards switched off."""
    boundaries = waves.clean_run()
    assert {case.boundary for case in SAMPLE} <= set(boundaries)
    found = waves.run([*SAMPLE, *(GUARDS[name].off for name in GUARDS_OFF)])
    return {outcome.case: outcome for outcome in found}


@pytest.mark.parametrize("case", SAMPLE, ids=lambda case: case.name)
def test_the_warehouse_is_right_whatever_happened(outcomes, case):
    assert outcomes[case].fired
    assert outcomes[case].differences == []


@pytest.mark.parametrize("name", GUARDS_OFF)
def test_a_missing_guard_is_noticed(outcomes, name):
    assert outcomes[GUARDS[name].off].differences
