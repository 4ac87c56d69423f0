"""The options of `make bench`."""

from __future__ import annotations

import pytest

from dev.bench.options import PARTS, Options, parse_options


def test_without_options_all_parts_are_measured_at_their_usual_sizes():
    assert parse_options([]) == Options()
    assert parse_options([]).parts == tuple(PARTS)


def test_sizes_are_options():
    sizes = ["--records", "500", "--facts", "1,3", "--fact-days", "2", "--backfill-days", "9", "--single-days", "1"]
    rounds = ["--rounds", "1", "--large-rounds", "2"]
    assert parse_options([*rounds, "--small-heap", "512m", *sizes]) == Options(
        rounds=1,
        large_rounds=2,
        records=(500,),
        small_heap="512m",
        facts=(1, 3),
        fact_days=2,
        backfill_days=9,
        single_days=1,
    )


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--rounds", "0"], "'0' is not a number from 1"),
        (["--facts", "10,1"], "'10,1' is not in ascending order"),
        (["--records", "1,,2"], "'' is not a number from 1"),
        (["--small-heap", "1024"], "'1024' is not a size such as 512m or 1g"),
        (["--part", "nonsense"], "nonsense"),
    ],
)
def test_a_wrong_value_is_refused(arguments, problem, capsys):
    with pytest.raises(SystemExit):
        parse_options(arguments)
    assert problem in capsys.readouterr().err


def test_the_page_needs_all_parts(tmp_path, capsys):
    with pytest.raises(SystemExit):
        parse_options(["--page", str(tmp_path / "page.md"), "--part", next(iter(PARTS))])
    assert "--page needs all parts" in capsys.readouterr().err
