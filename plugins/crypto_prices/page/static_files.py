"""The files of the page. Airflow serves them, and ``make report`` puts them into one HTML file."""

from __future__ import annotations

from pathlib import Path

STATIC = Path(__file__).with_name("static")

INDEX = "index.html"

MEDIA_TYPES = {
    INDEX: "text/html; charset=utf-8",
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "lightweight-charts.js": "text/javascript; charset=utf-8",
}
"""The files by name. Nothing else is served."""

HEADERS = {
    # The page also runs no inline script, so a text from an exchange cannot become one.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
}
"""Headers of every response of the app in Airflow."""


def read_static(name: str) -> bytes:
    """Return the contents of a file in ``MEDIA_TYPES``."""
    return (STATIC / name).read_bytes()
