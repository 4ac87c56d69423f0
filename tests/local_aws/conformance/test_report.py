"""The table and the last line."""

from __future__ import annotations

from local_aws.conformance import report
from local_aws.conformance.outcome import Finding, Outcome


def finding(area, outcome, **changes):
    return Finding("SQL", area, f"{area} {outcome.value}", "https://docs.aws.amazon.com/x", outcome, **changes)


def written(*findings):
    lines = []
    code = report.write(findings, lines.append)
    return code, "\n".join(lines)


def test_the_last_line_counts_what_is_wrong():
    code, text = written(finding("a", Outcome.RIGHT), finding("b", Outcome.WRONG, detail="expected 1, found 2"))
    assert code == 1
    assert text.splitlines()[-1] == "1 wrong"
    assert "expected 1, found 2" in text


def test_a_run_without_wrong_examples_passes():
    code, text = written(finding("a", Outcome.RIGHT), finding("a", Outcome.UNKNOWN), finding("a", Outcome.REFUSED))
    assert code == 0
    assert text.splitlines()[-1] == "0 wrong"


def test_the_table_counts_outcomes_by_area():
    rows = report.table([finding("a", Outcome.RIGHT), finding("a", Outcome.REFUSED), finding("b", Outcome.RIGHT)])
    assert rows == [
        ("service", "area", "right", "refused", "unknown", "wrong", "skipped"),
        ("SQL", "a", "1", "1", "0", "0", "0"),
        ("SQL", "b", "1", "0", "0", "0", "0"),
        ("all", "", "2", "1", "0", "0", "0"),
    ]
