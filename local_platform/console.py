"""The console of the developer commands."""

from __future__ import annotations

from rich.console import Console

# Wider than any table of a developer command, so that nothing is cut or wrapped.
_PIPED_WIDTH = 1000


def standard_output() -> Console:
    """Return a console for standard output.

    On a terminal it has the terminal's width and colors. In a pipe or a file it writes plain text, and each line is as
    long as its content, whatever the size of the terminal.
    """
    # ":secret:" in an ARN is not an emoji, and numbers need no colors.
    console = Console(highlight=False, emoji=False)
    if not console.is_terminal:
        console.width = _PIPED_WIDTH
    return console
