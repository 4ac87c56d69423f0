from pathlib import Path

from dev.report.command import main, parse_options


def test_the_report_is_in_the_state_folder_unless_another_file_is_given(tmp_path):
    assert parse_options(["--state-dir", str(tmp_path)]).out == tmp_path / "report.html"
    assert parse_options(["--out", "some/page.html"]).out == Path("some/page.html")


def test_without_a_warehouse_nothing_is_started_or_written(tmp_path, capsys):
    folder = tmp_path / "state"
    assert main(["--state-dir", str(folder)]) == 1
    errors = capsys.readouterr().err
    assert errors.startswith("make report: ")
    assert "make demo" in errors
    assert not folder.exists()
