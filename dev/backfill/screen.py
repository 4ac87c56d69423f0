"""The screen output of a backfill: progress, then a table. Independent of Airflow and AWS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from dev.backfill.day_progress import DayProgress, summary
from local_platform.console import standard_output
from local_platform.task_states import STATE_STYLES, seconds_text

_MOST_DAYS = 12


class Screen:
    """Writes live output to a terminal, or plain lines to a file or pipe.

    Args:
        console: The console to write to; standard output by default.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or standard_output()
        self._shown: dict[date, str | None] = {}

    def say(self, text: str) -> None:
        """Write a line."""
        self.console.print(escape(text), soft_wrap=True)

    def step(self, what: str) -> None:
        """Show the current step of the start."""
        self.console.print(f"[dim]{escape(what)} …[/]", soft_wrap=True)

    def live(self) -> Live:
        """Return the display that ``progress`` fills while the backfill runs."""
        return Live(console=self.console, auto_refresh=False, transient=True)

    def progress(self, live: Live, days: Sequence[DayProgress], seconds: float) -> None:
        """Show the progress: a bar and the running days on a terminal, otherwise one line per change of a day.

        Args:
            live: The display.
            days: Every day.
            seconds: Time since the backfill started.
        """
        if self.console.is_terminal:
            finished = sum(day.is_finished for day in days)
            bar = ProgressBar(total=len(days), completed=finished, width=40)
            line = Text(f"{summary(days)}   {_clock(seconds)}")
            live.update(Group(self._running_table(days), bar, line), refresh=True)
            return
        changed = [day for day in days if day.is_new and self._shown.get(day.day) != day.state]
        for day in changed:
            self._shown[day.day] = day.state
            if day.state in ("running", "success", "failed"):
                taken = day.seconds(datetime.now(UTC)) if day.is_finished else None
                self.console.print(f"  {_clock(seconds)}  {day.day} {day.state} {seconds_text(taken)}".rstrip())

    def retry(self, day: date, task: str, try_number: int, reason: str) -> None:
        """Show a failed try whose task will be tried again, with the reason."""
        line = f"  {day}: try {try_number} of {escape(task)} failed, the task waits for the next try: {escape(reason)}"
        self.console.print(f"[yellow]{line}[/]", soft_wrap=True)

    def table(self, days: Sequence[DayProgress], rows: Mapping[date, int] | None = None) -> None:
        """Show each day with its state, duration and rows in the fact table.

        Args:
            days: Every day.
            rows: Number of rows of each day in the fact table. None for a plan: the new days have not started, and a
                state is that of the run that they would run again.
        """
        table = Table(title="Days", title_justify="left", title_style="bold")
        table.add_column("day")
        table.add_column("state")
        table.add_column("duration", justify="right")
        if rows is not None:
            table.add_column("rows in crypto.fact_crypto_prices", justify="right")
        now = datetime.now(UTC)
        for day in days:
            state = Text(day.state or "no run", STATE_STYLES.get(day.state or "", "dim"))
            if rows is None and day.is_new:
                state.append(", would run", "bold")
            elif not day.is_new:
                state.append(" (earlier run)", "dim")
            loaded = () if rows is None else (str(rows.get(day.day, 0)),)
            table.add_row(str(day.day), state, seconds_text(day.seconds(now)), *loaded)
        self.console.print(table)

    def failure(self, day: date, task: str, reason: str, log_end: str, where: str) -> None:
        """Show a failed task with its day, the reason, the end of its log, and the path of the full log."""
        self.console.print(f"\n[bold red]{day}: {escape(task)} failed:[/] {escape(reason)}", soft_wrap=True)
        if log_end:
            title, expand = f"end of the log of {escape(task)}", self.console.is_terminal
            self.console.print(Panel(escape(log_end), title=title, title_align="left", expand=expand))
        if where:
            self.console.print(f"Full log: {escape(where)}", soft_wrap=True)

    def problem(self, message: str) -> None:
        """Show the error that ends the backfill."""
        self.console.print(f"\n[bold red]make backfill:[/] {escape(message)}", soft_wrap=True)

    @staticmethod
    def _running_table(days: Sequence[DayProgress]) -> Table:
        table = Table(title="Running and failed days", title_justify="left", title_style="bold")
        for column in ("day", "state", "since", "tasks"):
            table.add_column(column)
        now = datetime.now(UTC)
        # Leave out successful days, but always show failed ones.
        shown = [day for day in days if day.state in ("running", "failed")][:_MOST_DAYS]
        for day in shown:
            tasks = ", ".join(name if state == "running" else f"{name} ({state})" for name, state in day.tasks)
            style = STATE_STYLES.get(day.state or "", "dim")
            table.add_row(str(day.day), Text(day.state or "", style), seconds_text(day.seconds(now)), tasks)
        return table


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60:02d}:{int(seconds) % 60:02d}"
