"""One HTML file with the page, its script and its data."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping

from crypto_prices.page.static_files import INDEX, read_static

_STYLE = '<link rel="stylesheet" href="page.css">\n'
_SCRIPTS = ("lightweight-charts.js", "page.js")


def self_contained(documents: Mapping[str, str]) -> str:
    """Return the page as one HTML file that makes no request.

    Its Content-Security-Policy allows exactly its own style and scripts, and no connection.

    Args:
        documents: The page's documents by key, as JSON.
    """
    html = read_static(INDEX).decode()
    style = read_static("page.css").decode()
    scripts = [read_static(name).decode() for name in _SCRIPTS]
    policy = (
        f"default-src 'none'; script-src {' '.join(map(_source, scripts))}; style-src {_source(style)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    html = _replaced(html, _STYLE, f"<style>{style}</style>\n")
    for name in _SCRIPTS:
        html = _replaced(html, f'<script src="{name}" defer></script>\n', "")
    html = _replaced(
        html,
        '<meta charset="utf-8">\n',
        f'<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" content="{policy}">\n',
    )
    members = ",".join(f'"{key}":{document}' for key, document in documents.items())
    # A text from data could otherwise end the element.
    data = "{" + members.replace("<", "\\u003c") + "}"
    tail = f'<script id="report" type="application/json">{data}</script>\n'
    tail += "".join(f"<script>{script}</script>\n" for script in scripts)
    return _replaced(html, "</body>", f"{tail}</body>")


def _source(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def _replaced(text: str, old: str, new: str) -> str:
    if text.count(old) != 1:
        raise ValueError(f"{INDEX} has {old!r} {text.count(old)} times instead of once")
    return text.replace(old, new)
