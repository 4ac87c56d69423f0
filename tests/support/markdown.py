"""The repository's Markdown files: their links, headings and inline code, as GitHub reads them."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True)
class Document:
    """One Markdown file.

    Attributes:
        path: Its path.
    """

    path: Path

    def __str__(self) -> str:
        return self.path.relative_to(REPOSITORY).as_posix() if self.path.is_relative_to(REPOSITORY) else str(self.path)

    @cached_property
    def _tokens(self) -> list[Token]:
        return MarkdownIt("commonmark").enable("table").parse(self.path.read_text())

    def _inline(self) -> Iterator[Token]:
        for token in self._tokens:
            yield from token.children or ()

    @cached_property
    def links(self) -> list[str]:
        """Targets of all links and images, in the order of the text."""
        found = (token.attrGet({"link_open": "href", "image": "src"}.get(token.type, "")) for token in self._inline())
        return [str(target) for target in found if target is not None]

    @cached_property
    def inline_code(self) -> list[str]:
        """The content of each code span, in the order of the text."""
        return [token.content for token in self._inline() if token.type == "code_inline"]

    @cached_property
    def anchors(self) -> set[str]:
        """Possible link targets: headings, and ``<a id="…">``."""
        html = "".join(token.content for token in self._inline() if token.type == "html_inline")
        return {anchor for anchor, _ in self.sections} | set(re.findall(r'<a id="([^"]+)">', html))

    @cached_property
    def code_blocks(self) -> list[str]:
        """The content of each fenced or indented block, in the order of the text."""
        return [token.content for token in self._tokens if token.type in ("fence", "code_block")]

    @cached_property
    def sections(self) -> list[tuple[str, str]]:
        """Anchor and text of each section below a heading of any level, without the heading."""
        lines = self.path.read_text().splitlines()
        headings = [
            (token.map, content)
            for token, content in zip(self._tokens, self._tokens[1:], strict=False)
            if token.type == "heading_open" and token.map
        ]
        ends = [place[0] for place, _ in headings[1:]] + [len(lines)]
        used: Counter[str] = Counter()
        found = []
        for (place, content), end in zip(headings, ends, strict=True):
            slug = _slug("".join(token.content for token in content.children or ()))
            anchor = f"{slug}-{used[slug]}" if used[slug] else slug
            used[slug] += 1
            found.append((anchor, "\n".join(lines[place[1] : end]).strip()))
        return found


def tracked_documents() -> list[Document]:
    """Return every Markdown file that git tracks, or would track."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "*.md"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = sorted({REPOSITORY / name for name in listed.stdout.split("\0") if name})
    return [Document(path) for path in paths if path.exists()]


def broken_links(document: Document) -> list[str]:
    """Return the document's relative links whose file or anchor does not exist."""
    broken = []
    for link in document.links:
        # ../../security/… is GitHub's own page of the repository, not a file in it.
        if re.match(r"[a-z]+:|\.\./\.\./security/", link):
            continue
        name, _, anchor = link.partition("#")
        target = (document.path.parent / name).resolve() if name else document.path
        if not target.exists() or (anchor and (target.suffix != ".md" or anchor not in Document(target).anchors)):
            broken.append(link)
    return broken


def _slug(heading: str) -> str:
    """Return GitHub's anchor of a heading: lower case, without punctuation, hyphens for blanks."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
