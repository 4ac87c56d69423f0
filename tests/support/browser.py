"""The system's Chrome or Chromium, and the page *Crypto prices* in it with prepared answers of Airflow."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from crypto_prices.page.static_files import HEADERS, INDEX, MEDIA_TYPES, read_static

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
AIRFLOW = "http://airflow.example/base"
"""Airflow below a path, as behind a proxy."""


def browser_program() -> str:
    """Return the path of the system's browser. Skip the test if there is none, or fail it if REQUIRE_BROWSER is set."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        reason = f"none of {', '.join(NAMES)} is installed"
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail(f"{reason}, and REQUIRE_BROWSER is set", pytrace=False)
        pytest.skip(reason)
    return found


@contextmanager
def started_browser() -> Iterator[Any]:
    """Start the system's browser without a window."""
    program = browser_program()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Containers have no user namespaces, and only our own page runs.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


class PageInAirflow:
    """The page in a browser whose requests are answered without a server.

    Args:
        context: A context of the browser.
        answers: Airflow's responses by path and query below ``api/v2/``: a status, or the body of a 200.

    Attributes:
        page: Playwright's page.
        requests: Every URL that was requested.
        problems: Errors of scripts, and what the console reports.
    """

    def __init__(self, context: Any, answers: Mapping[str, Any]) -> None:
        self.answers = dict(answers)
        self.requests: list[str] = []
        self.problems: list[str] = []
        context.route("**/*", self._answer)
        self.page = context.new_page()
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("console", lambda line: line.type in ("error", "warning") and self.problems.append(line.text))

    def open(self, view: str) -> Any:
        """Open a view, wait until it is shown, and return Playwright's page."""
        self.page.goto(f"{AIRFLOW}/crypto-prices/#{view}")
        self.page.wait_for_selector(f"main[data-view={view}]")
        return self.page

    def change(self, key: str, **values: Any) -> None:
        """Change members of a document."""
        (path,) = (path for path in self.answers if path.endswith(f"/xcomEntries/{key}"))
        answer = self.answers[path]
        self.answers[path] = answer | {"value": json.dumps(json.loads(answer["value"]) | values)}

    def _answer(self, route: Any) -> None:
        self.requests.append(route.request.url)
        url = urlsplit(route.request.url)
        below = route.request.url.partition(f"{AIRFLOW}/")[2]
        name = url.path.rpartition("/crypto-prices/")[2] or INDEX
        if below.startswith("api/v2/"):
            answer = self.answers.get(below.removeprefix("api/v2/"), 404)
            status, body = (answer, {}) if isinstance(answer, int) else (200, answer)
            route.fulfill(status=status, json=body)
        elif "/crypto-prices/" in url.path and name in MEDIA_TYPES:
            route.fulfill(body=read_static(name), content_type=MEDIA_TYPES[name], headers=HEADERS)
        else:
            route.abort()
