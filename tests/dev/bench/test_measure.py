"""Ratios and goals of measures, and runs that alternate."""

from __future__ import annotations

import pytest

from dev.bench.measure import Measure, medians


@pytest.mark.parametrize(
    ("ours", "peer", "goal", "ratio", "is_met"),
    [
        (3.0, 2.0, 1.5, 1.5, True),
        (3.1, 2.0, 1.5, 1.55, False),
        (3.0, 2.0, None, 1.5, None),
        (3.0, None, None, None, None),
        (0.0, 0.0, 1.0, 1.0, True),
        (1.0, 0.0, 1.0, float("inf"), False),
    ],
)
def test_the_ratio_decides_about_the_goal(ours, peer, goal, ratio, is_met):
    measure = Measure("merge", ours, peer, goal)
    assert measure.ratio == (pytest.approx(ratio) if ratio else ratio)
    assert measure.is_met is is_met


def test_a_goal_needs_something_to_compare_with():
    with pytest.raises(ValueError, match="merge"):
        Measure("merge", 1.0, goal=1.3)


def test_runs_alternate_and_their_medians_are_returned():
    order: list[str] = []
    values = {"ours": iter([5.0, 1.0, 2.0]), "floor": iter([1.0, 9.0, 1.5])}

    def run(name):
        order.append(name)
        return next(values[name])

    assert medians(3, {"ours": lambda: run("ours"), "floor": lambda: run("floor")}) == {"ours": 2.0, "floor": 1.5}
    assert order == ["ours", "floor"] * 3
