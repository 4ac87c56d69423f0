"""docs/reference/error-codes.md has each code of the contract, with a cause and a remedy."""

from __future__ import annotations

import re

import pytest
from crypto_prices_contract.error_codes import ERROR_CODES, REMEDIES

from tests.support.markdown import REPOSITORY, Document

PAGE = Document(REPOSITORY / "docs" / "reference" / "error-codes.md")
SECTIONS = {anchor.upper(): text for anchor, text in PAGE.sections if anchor.startswith("cp-")}


def test_each_code_has_a_section_and_each_section_a_code():
    assert list(SECTIONS) == list(ERROR_CODES)


@pytest.mark.parametrize("code", ERROR_CODES)
def test_a_section_gives_meaning_cause_and_remedy(code):
    paragraphs = re.findall(r"^\*\*(.+?)\*\*\s+\S", SECTIONS[code].replace("`", ""), re.MULTILINE)
    assert [paragraph.rstrip(":") for paragraph in paragraphs] == [ERROR_CODES[code], "Cause", "What to do"]


def test_the_table_links_to_each_section():
    rows = re.findall(r"^\| \[(CP-\d\d)\]\(#([a-z0-9-]+)\) \|", PAGE.path.read_text(), re.MULTILINE)
    assert rows == [(code, code.lower()) for code in ERROR_CODES]


def test_the_table_has_the_remedies_that_logs_show():
    rows = re.findall(r"^\| \[(CP-\d\d)\].*\| (.+) \|$", PAGE.path.read_text(), re.MULTILINE)
    assert {code: remedy.replace("`", "") for code, remedy in rows} == dict(REMEDIES)
