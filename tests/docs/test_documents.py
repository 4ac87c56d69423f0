"""Every Markdown file: its links work, and the files and make targets that it names exist."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.support.markdown import REPOSITORY, Document, broken_links, tracked_documents

CODE_FOLDERS = (
    *("bundle", "dags", "dev", "docker", "docs", "glue_scripts", "local_aws", "local_exchange", "local_platform"),
    *("plugins", "sql", "terraform", "tests"),
)
TARGETS = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))


def problems(find):
    """Return a function's findings by document, without documents that have none."""
    found = {str(document): find(document) for document in tracked_documents()}
    return {name: each for name, each in found.items() if each}


def test_every_relative_link_and_anchor_leads_somewhere():
    assert problems(broken_links) == {}


@pytest.mark.parametrize(
    ("link", "works"),
    [
        ("other.md", True),
        ("other.md#two-words-and-code", True),
        ("other.md#two-words-and-code-1", True),
        ("#here", True),
        ("other.md#placed", True),
        ("folder", True),
        ("https://example.com/missing.md", True),
        ("missing.md", False),
        ("other.md#missing", False),
        ("other.md#not-a-heading", False),
        ("#missing", False),
    ],
)
def test_a_broken_link_is_found(tmp_path, link, works):
    (tmp_path / "folder").mkdir()
    (tmp_path / "other.md").write_text(
        "# Two words, and `code`\n\n## Two words, and `code`\n\n"
        '<a id="placed"></a>Text\n\n```sh\n# Not a heading\n```\n'
    )
    (tmp_path / "page.md").write_text(f"# Here\n\nSee [this]({link}), not `[code](missing.md)`.\n")
    assert broken_links(Document(tmp_path / "page.md")) == ([] if works else [link])


def missing_paths(document: Document) -> list[str]:
    """Return paths of this repository in code spans that do not exist, unless the document adds them."""
    text = document.path.read_text()
    paths = {re.sub(r"::.*|:\d+$", "", code) for code in document.inline_code}
    local = {path for path in paths if re.fullmatch(r"[\w./-]+", path) and path.split("/")[0] in CODE_FOLDERS}
    added = set(re.findall(r"[Nn]ew file `([^`]+)`", text))
    # Paths in the emulator's README are relative to its folder.
    bases = (REPOSITORY, document.path.parent)
    return sorted(path for path in local - added if "/" in path and not any((base / path).exists() for base in bases))


def test_every_path_in_the_repository_exists():
    assert problems(missing_paths) == {}


def test_every_page_that_code_names_exists():
    named = subprocess.run(
        ["git", "grep", "--untracked", "-IohE", r"(^|[^/a-z.])docs/[a-z/-]+\.md", "--", ".", ":!*.md"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    pages = set(re.findall(r"docs/\S+", named.stdout))
    assert pages
    assert [page for page in sorted(pages) if not (REPOSITORY / page).exists()] == []


def test_every_make_target_exists():
    def missing(document: Document) -> list[str]:
        code = "\n".join((*document.inline_code, *document.code_blocks))
        return sorted(set(re.findall(r"\bmake ([a-z]+(?:-[a-z]+)*)\b", code)) - TARGETS)

    assert problems(missing) == {}


def test_the_reference_has_every_variable_of_make():
    variables = set(re.findall(r"[( ]([A-Z_]{2,})[)?=]", (REPOSITORY / "Makefile").read_text()))
    page = Document(REPOSITORY / "docs" / "reference" / "commands.md")
    code = " ".join((*page.inline_code, *page.code_blocks))
    internal = {
        "ALLOWED",
        "UNKNOWN",
        "CLIENTS",
        "MAKECMDGOALS",
        "RLENGTH",
        "CODE",
        "COMPILE",
        "FAST",
        "SCRIPTS",
        "MAKEFILE_LIST",
        "MARKETS",
        "PLACE",
        "PYTHON_RUN",
        "SETUP",
    }
    assert {name for name in variables - internal if not re.search(rf"\b{name}=", code)} == set()


def test_the_index_links_to_every_page():
    index = Document(REPOSITORY / "docs" / "README.md")
    linked = {(index.path.parent / link.partition("#")[0]).resolve() for link in index.links}
    pages = {each.path for each in tracked_documents() if each.path.is_relative_to(REPOSITORY / "docs")}
    assert pages - {index.path} - linked == set()
