"""What a developer command writes into a pipe."""

import subprocess
import sys

import pytest

from local_platform.checkout import REPOSITORY

SHOW = """
from rich.table import Table
from local_platform.console import standard_output
table = Table("name", "value", title="[bold]Title[/]")
table.add_row("[red]" + 300 * "long " + "end[/]", "arn:aws:secretsmanager:us-east-1:1:secret:a")
standard_output().print(table)
"""


@pytest.mark.parametrize("columns", ["20", "80", "400"])
def test_a_piped_table_is_plain_text_of_the_same_width_everywhere(columns):
    shown = [
        subprocess.run(
            [sys.executable, "-c", SHOW],
            cwd=REPOSITORY, capture_output=True, text=True, check=True, env={"COLUMNS": each, "PYTHONUTF8": "1"},
        ).stdout
        for each in (columns, "80")
    ]  # fmt: skip
    assert shown[0] == shown[1]
    assert "\x1b" not in shown[0]


def test_a_long_value_is_neither_cut_nor_wrapped():
    shown = subprocess.run(
        [sys.executable, "-c", SHOW.replace("300 *", "150 *")],
        cwd=REPOSITORY, capture_output=True, text=True, check=True, env={"COLUMNS": "40", "PYTHONUTF8": "1"},
    ).stdout  # fmt: skip
    assert any(150 * "long " + "end" in line and ":secret:a" in line for line in shown.splitlines())
