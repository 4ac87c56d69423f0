"""The table of measures, for a terminal and for the page of documentation."""

from __future__ import annotations

from collections.abc import Sequence

from dev.bench.measure import Measure

TABLE_BEGINS = "<!-- make bench TABLE=1 writes this table -->"
TABLE_ENDS = "<!-- end of the table -->"
TITLES = ("measure", "ours", "floor or peer", "ratio", "goal", "met")
_MISSING = "-"


def table(measures: Sequence[Measure]) -> str:
    """Return the table in Markdown, with columns of one width so that a terminal shows it, too."""
    rows = [_cells(measure) for measure in measures]
    widths = [max(map(len, column)) for column in zip(TITLES, *rows, strict=True)]
    aligned = [
        " | ".join(cell.rjust(width) if 0 < at < 5 else cell.ljust(width) for at, (cell, width) in enumerate(line))
        for line in (tuple(zip(row, widths, strict=True)) for row in (TITLES, *rows))
    ]
    rule = " | ".join("-" * (width - 1) + ":" if 0 < at < 5 else "-" * width for at, width in enumerate(widths))
    return "\n".join(f"| {line} |" for line in (aligned[0], rule, *aligned[1:]))


def last_line(measures: Sequence[Measure]) -> str:
    """Return the line below the table: the number of missed goals."""
    goals = [measure for measure in measures if measure.goal is not None]
    missed = sum(not measure.is_met for measure in goals)
    return f"{missed} of {len(goals)} goals missed"


def page_with_table(page: str, measures: Sequence[Measure]) -> str:
    """Return a page of documentation with the table between its two markers.

    Raises:
        ValueError: The page does not have the markers.
    """
    before, begin, rest = page.partition(TABLE_BEGINS)
    _old, end, after = rest.partition(TABLE_ENDS)
    if not (begin and end):
        raise ValueError(f"The page has no lines {TABLE_BEGINS} and {TABLE_ENDS}.")
    return f"{before}{begin}\n\n{table(measures)}\n\n{last_line(measures)}\n\n{end}{after}"


def _cells(measure: Measure) -> tuple[str, ...]:
    met = {True: "met", False: "missed", None: _MISSING}[measure.is_met]
    peer = _MISSING if measure.peer is None else _number(measure.peer, measure.unit)
    ratio = _MISSING if measure.ratio is None else f"{measure.ratio:.2f}"
    goal = _MISSING if measure.goal is None else f"≤ {measure.goal:.4g}"
    return measure.name, _number(measure.ours, measure.unit), peer, ratio, goal, met


def _number(value: float, unit: str) -> str:
    return f"{value:.3g} {unit}" if value < 100 else f"{value:.0f} {unit}"
