import pytest

from local_aws.chaos.__main__ import shown_by
from local_aws.chaos.guards import GUARDS
from local_aws.chaos.waves import FIRST_DAY, Outcome


@pytest.mark.parametrize("name", GUARDS)
def test_a_guard_is_not_noticed_by_just_any_difference(name):
    outcome = Outcome(GUARDS[name].off, FIRST_DAY)
    assert shown_by(outcome) is None
    outcome.differences += ["run once__2022-01-01 has failed: reconcile: timed out", "no other merge came"]
    assert shown_by(outcome) is None
