import io
from datetime import UTC, date, datetime

from rich.console import Console

from dev.backfill.day_progress import DayProgress
from dev.backfill.screen import Screen

DAY = date(2024, 1, 1)
BEGAN, ENDED = datetime(2026, 11, 24, 10, tzinfo=UTC), datetime(2026, 11, 24, 10, 0, 42, tzinfo=UTC)


def day(state, *, day=DAY, tasks=(), is_new=True):
    ended = ENDED if state in ("success", "failed") else None
    return DayProgress(day, "run", state, BEGAN, ended, tuple(tasks), is_new)


def shown(terminal, *looks):
    output = io.StringIO()
    screen = Screen(Console(file=output, force_terminal=terminal, width=100))
    with screen.live() as live:
        for number, days in enumerate(looks):
            screen.progress(live, days, 61 * number)
    return output.getvalue()


def test_without_a_terminal_each_change_is_one_line():
    text = shown(False, [day("queued")], [day("running")], [day("running")], [day("success")])
    assert [line.split() for line in text.splitlines()] == [
        ["01:01", "2024-01-01", "running"],
        ["03:03", "2024-01-01", "success", "42.0", "s"],
    ]


def test_a_day_loaded_before_is_not_reported():
    assert shown(False, [day("success", is_new=False)]) == ""


def test_a_terminal_shows_running_days_with_their_tasks():
    text = shown(True, [day("running", tasks=[("curate_prices", "deferred")])])
    assert "curate_prices (deferred)" in text
    assert "0 done, 1 running of 1 day" in text


def test_the_table_marks_days_loaded_before_and_counts_rows():
    output = io.StringIO()
    screen = Screen(Console(file=output, width=160))
    screen.table([day("success"), day("success", day=date(2024, 1, 2), is_new=False)], {DAY: 192})
    lines = output.getvalue().splitlines()
    assert any("2024-01-01" in line and "42.0 s" in line and "192" in line for line in lines)
    assert any("2024-01-02" in line and "success (earlier run)" in line and " 0 " in line for line in lines)


def test_a_plan_marks_the_days_that_would_run_and_has_no_rows():
    output = io.StringIO()
    Screen(Console(file=output, width=160)).table([day("failed"), day("success", day=date(2024, 1, 2), is_new=False)])
    lines = output.getvalue().splitlines()
    assert any("2024-01-01" in line and "failed, would run" in line for line in lines)
    assert any("2024-01-02" in line and "success (earlier run)" in line for line in lines)
    assert "fact_crypto_prices" not in output.getvalue()


def test_a_failed_try_that_is_retried_has_its_reason():
    output = io.StringIO()
    Screen(Console(file=output, width=160)).retry(DAY, "fetch_prices[0]", 1, "HTTP 429")
    assert "2024-01-01: try 1 of fetch_prices[0] failed" in output.getvalue()
    assert "HTTP 429" in output.getvalue()


def test_a_failure_shows_day_task_reason_and_log():
    output = io.StringIO()
    Screen(Console(file=output, width=160)).failure(DAY, "fetch_prices[0]", "no market X", "the end", "logs/fetch")
    assert "2024-01-01: fetch_prices[0] failed: no market X" in output.getvalue()
    assert "logs/fetch" in output.getvalue()
