"""`make bench` when it ends early."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from dev.bench import command
from dev.bench.measure import Measure
from dev.bench.report import TABLE_BEGINS, TABLE_ENDS


@pytest.fixture
def ends_with(monkeypatch):
    """Return a function that lets the measurement end with an error after its first row."""

    def arrange(error):
        def measures(_options, _say):
            yield Measure("merge of a new day", 1.0, 2.0, 1.3)
            if error is not None:
                raise error

        monkeypatch.setattr(command.importlib, "import_module", lambda _name: SimpleNamespace(measures=measures))

    return arrange


def test_after_an_error_the_rows_so_far_are_printed(ends_with, capsys):
    ends_with(RuntimeError("the demo failed"))
    with pytest.raises(RuntimeError, match="the demo failed"):
        command.main(["--part", "merge"])
    printed = capsys.readouterr().out
    assert "merge of a new day" in printed
    assert printed.splitlines()[-1] == "0 of 1 goals missed; the other rows were not measured"


def test_after_ctrl_c_the_rows_so_far_are_printed(ends_with, capsys):
    ends_with(KeyboardInterrupt())
    assert command.main(["--part", "merge"]) == 130
    assert "merge of a new day" in capsys.readouterr().out


def test_an_incomplete_table_is_not_written_into_the_page(ends_with, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"{TABLE_BEGINS}\n{TABLE_ENDS}\n")
    before = page.read_text()
    ends_with(RuntimeError("the demo failed"))
    with pytest.raises(RuntimeError):
        command.main(["--page", str(page)])
    assert page.read_text() == before
    ends_with(None)
    assert command.main(["--page", str(page)]) == 0
    assert "merge of a new day" in page.read_text()
