"""The table of measures: its rows, its last line, and the page that it is written into."""

from __future__ import annotations

import pytest

from dev.bench.measure import Measure
from dev.bench.report import last_line, page_with_table, table
from local_platform.checkout import REPOSITORY

MEASURES = [
    Measure("curate 20,000 records", 12.345, 8.8, goal=1.5, unit="CPU s"),
    Measure("merge into 10x", 0.4, 0.25, goal=1.3),
    Measure("backfill of 365 days", 1234.5),
]


def cells(text):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]


def test_each_measure_is_a_row():
    titles, rule, *rows = cells(table(MEASURES))
    assert titles == ["measure", "ours", "floor or peer", "ratio", "goal", "met"]
    assert set("".join(rule)) == {"-", ":"}
    assert rows == [
        ["curate 20,000 records", "12.3 CPU s", "8.8 CPU s", "1.40", "≤ 1.5", "met"],
        ["merge into 10x", "0.4 s", "0.25 s", "1.60", "≤ 1.3", "missed"],
        ["backfill of 365 days", "1234 s", "-", "-", "-", "-"],
    ]


def test_the_last_line_counts_the_missed_goals():
    assert last_line(MEASURES) == "1 of 2 goals missed"
    assert last_line(MEASURES[:1]) == "0 of 1 goals missed"


def test_the_page_of_performance_gets_the_table():
    page = (REPOSITORY / "docs" / "reference" / "performance.md").read_text()
    written = page_with_table(page, MEASURES)
    assert table(MEASURES) in written
    assert "1 of 2 goals missed" in written
    assert page_with_table(written, MEASURES[:1]) == page_with_table(page, MEASURES[:1])
    with pytest.raises(ValueError, match="no lines"):
        page_with_table("# Another page\n", MEASURES)
