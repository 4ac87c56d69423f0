from crypto_prices_contract.data_dictionary import CATALOG_TABLE, WAREHOUSE_TABLES
from crypto_prices_contract.mart_dictionary import MART_TABLES

from dev.data_dictionary import command
from dev.data_dictionary.page import data_dictionary_page


def test_the_page_in_the_repository_is_current():
    page = data_dictionary_page()
    found = command.PAGE.read_text() if command.PAGE.exists() else ""
    assert found == page, f"{command.PAGE} differs from the data dictionary: run `make data-dictionary` and commit it"


def test_the_command_writes_the_page(tmp_path, monkeypatch, capsys):
    page = tmp_path / "data-dictionary.md"
    monkeypatch.setattr(command, "PAGE", page)
    monkeypatch.setattr(command, "REPOSITORY", tmp_path)
    assert command.main([]) == 0
    assert page.read_text() == data_dictionary_page()
    assert str(page) in capsys.readouterr().out


def test_every_table_is_a_section_with_a_row_for_every_column():
    sections = {section.split("\n")[0]: section for section in data_dictionary_page().split("\n### ")[1:]}
    assert list(sections) == [table.title for table in (*WAREHOUSE_TABLES, *MART_TABLES, CATALOG_TABLE)]
    for table in (*WAREHOUSE_TABLES, *MART_TABLES, CATALOG_TABLE):
        section = sections[table.title]
        assert table.comment in section
        rows = [line.split(" | ") for line in section.splitlines() if line.startswith("| `")]
        assert [(row[0], row[2]) for row in rows] == [(f"| `{c.name}`", c.meaning) for c in table.columns]
        assert {len(row) for row in rows} == {6}


def test_types_are_those_of_the_system():
    page = data_dictionary_page()
    assert "| `open_price` | `DECIMAL(38,18)` |" in page
    assert "| `open_price` | `decimal(38,18)` |" in page
