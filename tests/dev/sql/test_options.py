import pytest

from dev.sql.command import SQL_VARIABLE, main, parse_options


@pytest.fixture(autouse=True)
def no_statement(monkeypatch):
    monkeypatch.delenv(SQL_VARIABLE, raising=False)


def test_without_a_statement_psql_opens():
    assert parse_options([]).sql is None


def test_make_passes_the_statement_in_the_environment(monkeypatch):
    monkeypatch.setenv(SQL_VARIABLE, "SELECT '$1', \"a\"\nFROM t")
    assert parse_options(["--format", "csv"]).sql == "SELECT '$1', \"a\"\nFROM t"
    assert parse_options(["--sql", "SELECT 2"]).sql == "SELECT 2"
    monkeypatch.setenv(SQL_VARIABLE, " ")
    assert parse_options([]).sql is None


def test_a_format_needs_a_statement(capsys):
    with pytest.raises(SystemExit):
        parse_options(["--format", "csv"])
    assert "FORMAT=csv" in capsys.readouterr().err


def test_without_a_warehouse_nothing_is_started_or_created(tmp_path, capsys):
    folder = tmp_path / "state"
    assert main(["--sql", "SELECT 1", "--state-dir", str(folder)]) == 1
    errors = capsys.readouterr().err
    assert "make demo" in errors
    assert "STATE=" in errors
    assert len(errors.splitlines()) == 1
    assert not folder.exists()
