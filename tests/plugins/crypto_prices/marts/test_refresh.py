"""What a refresh of the marts must do, without a warehouse."""

from __future__ import annotations

from typing import Any

import pytest
from crypto_prices.marts.refresh import NO_DIGEST, Refresh, marts_digest, plan_refresh

from tests.support.mart_refreshes import SQL, environment

WORK: dict[str, Any] = {
    "through_load": 4,
    "marts_digest": "same",
    "newest_load": 7,
    "new_loads": 3,
    "first_day": "2024-01-05",
    "end_day": "2024-01-08",
}


def planned(*, full: bool = False, **changed: Any) -> Refresh | None:
    return plan_refresh(WORK | changed, "same", full=full)


def test_new_loads_are_added_with_their_days():
    found = planned()
    assert found is not None
    assert (found.full, found.after_load, found.through_load) == (False, 4, 7)
    assert (found.first_day, found.end_day, found.days_text) == ("2024-01-05", "2024-01-08", "2024-01-05 to 2024-01-07")


def test_without_a_new_load_there_is_nothing_to_do():
    assert planned(newest_load=4, new_loads=0, first_day=None, end_day=None) is None


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"marts_digest": ""}, NO_DIGEST),
        ({"marts_digest": "other"}, "the SQL of the marts has changed"),
        ({"newest_load": 3}, "the marts contain load 4, but the newest load is 3"),
        ({"full": True}, "the param full_refresh is set"),
        ({"full": True, "newest_load": 4}, "the param full_refresh is set"),
    ],
)
def test_all_days_are_calculated_again(changed, reason):
    found = planned(**changed)
    assert found is not None
    assert (found.full, found.reason, found.through_load) == (True, reason, changed.get("newest_load", 7))
    assert found.first_day < "2009-01-03"
    assert found.end_day > "2100-01-01"


class TestDigest:
    def test_it_does_not_depend_on_the_run(self):
        assert marts_digest(environment()) == marts_digest(environment())

    def test_another_kind_of_a_source_changes_it(self):
        changed = environment()
        changed.globals["source_kinds"] = lambda: {"binance": "aggregator"}
        assert marts_digest(changed) != marts_digest(environment())

    @pytest.mark.parametrize(
        "name", ["marts/daily_prices/find_returns.sql", "marts/limits.jinja", "marts/median.jinja"]
    )
    def test_a_changed_file_changes_it(self, name):
        changed = (SQL / name).read_text().replace("1", "2").replace("50", "60")
        assert marts_digest(environment({name: changed})) != marts_digest(environment())
