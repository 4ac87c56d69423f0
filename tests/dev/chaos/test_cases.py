from itertools import combinations

from dev.chaos.boundaries import family
from dev.chaos.cases import HAPPENINGS, NOTHING_BROKEN, Case, Happening, Recovery, all_cases, kinds_of, paired, sample
from dev.chaos.faults import Kind

BOUNDARIES = [
    "put raw object #1",
    "start Glue run",
    "merge_into_fact: statement load/replace/insert_staged_rows",
    "merge_into_fact: commit",
]
STATEMENTS = [f"merge_into_fact: statement load/replace/delete_{number}" for number in range(1, 9)]
EVERYTHING = all_cases(BOUNDARIES)


def test_all_combinations_of_boundary_kind_and_recovery_exist():
    assert len(EVERYTHING) == 2 * 4 * 5 + 2 * 1 * 5 + len(HAPPENINGS)
    assert len({case.name for case in EVERYTHING}) == len(EVERYTHING)


def test_a_commit_can_only_be_refused():
    assert kinds_of("merge_into_fact: commit") == (Kind.REFUSED,)
    assert set(kinds_of("start Glue run")) == {Kind.REFUSED, Kind.LOST, Kind.KILLED, Kind.SLOW}


def test_a_sample_depends_only_on_its_seed_and_covers_every_kind_and_recovery():
    chosen = sample(EVERYTHING, 12, seed=1)
    assert chosen == sample(EVERYTHING, 12, seed=1)
    assert chosen != sample(EVERYTHING, 12, seed=2)
    assert len(chosen) == 12
    assert {case.recovery for case in chosen} == set(Recovery)
    assert {case.kind for case in chosen} >= {Kind.REFUSED, Kind.LOST, Kind.KILLED, Kind.SLOW}


def test_pairwise_cases_cover_every_pair_and_every_boundary():
    everything = all_cases([*BOUNDARIES, *STATEMENTS])
    chosen = paired(everything, seed=1)

    def pairs(cases):
        return {
            pair
            for case in cases
            for pair in combinations((family(case.boundary), str(case.kind or case.happening), case.recovery), 2)
        }

    assert pairs(chosen) == pairs(everything)
    assert {case.boundary for case in chosen} == {case.boundary for case in everything}
    # The statements of one transaction share the recoveries.
    assert sum(case.boundary in STATEMENTS for case in chosen) < 2 * len(STATEMENTS)


def test_a_happening_at_a_boundary_does_not_replace_the_fault_there():
    disturbed = {case.boundary for case in HAPPENINGS} - {NOTHING_BROKEN}
    boundaries = [*BOUNDARIES, *STATEMENTS, *sorted(disturbed)]
    everything = all_cases(boundaries)
    for seed in range(5):
        assert {case.boundary for case in paired(everything, seed) if case.kind is not None} == set(boundaries)


def test_only_loads_that_may_be_forced_are_forced():
    assert {case.is_forced for case in EVERYTHING} == {True, False}
    for happening in (Happening.CANDLES_CORRECTED, Happening.CANDLE_MISSING, Happening.FETCHED_LATER):
        assert not any(Case(f"nothing {n}", None, Recovery.RETRY, happening).is_forced for n in range(9))


def test_a_surplus_candle_exists_only_where_it_may_be_deleted_or_must_stay():
    assert all(case.has_surplus for case in EVERYTHING if case.is_forced)
    unforced = [case for case in EVERYTHING if not case.is_forced]
    assert [case.happening for case in unforced if case.has_surplus] == [Happening.CANDLE_MISSING]
