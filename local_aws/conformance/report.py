"""Writes the table of outcomes by service and area, and what is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from local_aws.conformance.outcome import Finding, Outcome, failed

TABLE_BEGINS = "<!-- make conformance TABLE=1 writes this table -->"
TABLE_ENDS = "<!-- end of the table -->"
_COLUMNS = tuple(Outcome)


def table(findings: Sequence[Finding]) -> list[tuple[str, ...]]:
    """Return the table: a row of titles, a row for each area, and the sums."""
    counts = Counter((finding.service, finding.area, finding.outcome) for finding in findings)
    areas = list(dict.fromkeys((finding.service, finding.area) for finding in findings))
    rows = [(*area, *(str(counts[(*area, outcome)]) for outcome in _COLUMNS)) for area in areas]
    sums = Counter(finding.outcome for finding in findings)
    titles = ("service", "area", *(outcome.value for outcome in _COLUMNS))
    return [titles, *rows, ("all", "", *(str(sums[outcome]) for outcome in _COLUMNS))]


def text_table(findings: Sequence[Finding]) -> str:
    """Return the table for a terminal."""
    rows = table(findings)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if at < 2 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )


def page_with_table(page: str, findings: Sequence[Finding]) -> str:
    """Return a page of documentation with the table between its two markers.

    Raises:
        ValueError: The page does not have the markers.
    """
    before, begin, rest = page.partition(TABLE_BEGINS)
    _old, end, after = rest.partition(TABLE_ENDS)
    if not (begin and end):
        raise ValueError(f"The page has no lines {TABLE_BEGINS} and {TABLE_ENDS}.")
    titles, *rows = table(findings)
    lines = [titles, ("---", "---", *["---:"] * len(_COLUMNS)), *rows]
    text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{before}{begin}\n\n{text}\n\n{end}{after}"


def write(findings: Sequence[Finding], say: Callable[[str], None]) -> int:
    """Write what needs attention, the table, and the number of wrong examples as the last line.

    Returns:
        The exit code.
    """
    for title, chosen in _attention(findings):
        if chosen:
            say(f"\n{title}")
            for finding in chosen:
                say(f"- {finding.service}, {finding.area}: {finding.name}\n  {finding.detail}\n  {finding.source}")
    say("")
    say(text_table(findings))
    say(f"{sum(finding.outcome is Outcome.WRONG for finding in findings)} wrong")
    return int(failed(findings))


def _attention(findings: Iterable[Finding]) -> list[tuple[str, list[Finding]]]:
    findings = list(findings)
    return [
        ("Skipped:", [each for each in findings if each.outcome is Outcome.SKIPPED]),
        ("Unknown, and what was found:", [each for each in findings if each.outcome is Outcome.UNKNOWN]),
        (
            "Marked as refused, but not refused:",
            [each for each in findings if each.surprising and each.outcome is Outcome.RIGHT],
        ),
        ("Refused without a mark:", [each for each in findings if each.surprising and each.outcome is Outcome.REFUSED]),
        ("Wrong:", [each for each in findings if each.outcome is Outcome.WRONG]),
    ]
