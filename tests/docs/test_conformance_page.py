"""The table of the page about conformance has each area, with as many examples as the area's file has."""

from __future__ import annotations

from collections import Counter

from local_aws.conformance import report
from local_aws.conformance.example_files import api_examples, client_checks, sql_examples
from tests.support.markdown import REPOSITORY


def test_the_table_counts_every_example():
    page = (REPOSITORY / "docs" / "reference" / "conformance.md").read_text()
    table = page.partition(report.TABLE_BEGINS)[2].partition(report.TABLE_ENDS)[0].strip()
    titles, _line, *rows, _sums = ([cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines())
    assert titles == list(report.table([])[0])
    counted = {area: sum(map(int, counts)) for _service, area, *counts in rows}
    examples = Counter(each.area for each in (*sql_examples(), *api_examples(), *client_checks()))
    assert counted == examples, "write the table again: make conformance TABLE=1"
