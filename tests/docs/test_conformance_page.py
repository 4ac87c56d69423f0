"""The table of the page about conformance is the result of a run of the examples that the files contain."""

from __future__ import annotations

from collections import Counter

from local_aws.conformance import report
from local_aws.conformance.example_files import ClientCheck, api_examples, client_checks, sql_examples
from tests.support.markdown import REPOSITORY


def test_the_table_is_of_these_examples():
    page = (REPOSITORY / "docs" / "reference" / "conformance.md").read_text()
    table = page.partition(report.TABLE_BEGINS)[2].partition(report.TABLE_ENDS)[0].strip()
    titles, _line, *rows, sums = ([cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines())
    assert titles == list(report.table([])[0])
    found = {area: dict(zip(titles[2:], map(int, counts), strict=True)) for _service, area, *counts in rows}

    examples = [*sql_examples(), *api_examples(), *client_checks()]
    counts = Counter(each.area for each in examples)
    refused = Counter(each.area for each in examples if each.refused)
    unknown = Counter(
        each.area for each in examples if not isinstance(each, ClientCheck) and each.unknown and not each.refused
    )
    expected = {
        area: {
            "right": count - refused[area] - unknown[area],
            "refused": refused[area],
            "unknown": unknown[area],
            "wrong": 0,
            "skipped": 0,
        }
        for area, count in counts.items()
    }
    assert found == expected, "write the table again: make conformance TABLE=1"
    assert sums == ["all", "", *(str(sum(counts[title] for counts in found.values())) for title in titles[2:])]
