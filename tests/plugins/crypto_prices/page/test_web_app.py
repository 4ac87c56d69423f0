"""The app in Airflow: who may read its files, and what it answers otherwise. Airflow's own check decides."""

import pytest
from airflow.api_fastapi.core_api import security
from airflow.models.dag import DagModel
from airflow.plugins_manager import AirflowPlugin
from crypto_prices.page.static_files import MEDIA_TYPES, read_static
from crypto_prices.page.web_app import create_app
from crypto_prices_plugin import CryptoPricesPlugin
from fastapi import FastAPI
from fastapi.testclient import TestClient
from jwt import ExpiredSignatureError

BROWSER = {"Accept": "text/html,application/xhtml+xml"}


class AuthManager:
    """Knows a reader of the DAG, a stranger, and the token of an ended session."""

    async def get_user_from_token(self, token):
        if token == "expired":
            raise ExpiredSignatureError
        return token

    def is_authorized_dag(self, *, method, access_entity, details, user):
        return (method, access_entity, details.id, user) == ("GET", None, "crypto_prices_daily", "reader")


@pytest.fixture
def client(monkeypatch):
    monkeypatch.setattr(security, "get_auth_manager", AuthManager)
    monkeypatch.setattr(DagModel, "get_team_name", lambda dag_id: None)
    airflow = FastAPI()
    airflow.mount("/crypto-prices", create_app())
    return TestClient(airflow, follow_redirects=False)


def get(client, path="", user=None, **headers):
    client.cookies.clear()
    if user:
        client.cookies.set("_token", user)
    return client.get(f"/crypto-prices/{path}", headers=headers)


@pytest.mark.parametrize("name", ["", *MEDIA_TYPES])
def test_a_reader_of_the_dag_gets_each_file_with_a_policy_that_allows_only_them(client, name):
    answer = get(client, name, "reader")
    assert (answer.status_code, answer.content) == (200, read_static(name or "index.html"))
    assert answer.headers["Content-Type"] == MEDIA_TYPES[name or "index.html"]
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


@pytest.mark.parametrize("name", ["", *MEDIA_TYPES, "docs", "redoc", "openapi.json", "lightweight-charts.NOTICE.txt"])
@pytest.mark.parametrize(("user", "status"), [(None, 401), ("expired", 401), ("stranger", 403)])
def test_nobody_else_gets_a_file_or_learns_which_exist(client, name, user, status):
    answer = get(client, name, user)
    assert answer.status_code == status
    assert len(answer.content) < 100


@pytest.mark.parametrize(
    "name", ["docs", "openapi.json", "../web_app.py", "%2e%2e/web_app.py", "lightweight-charts.NOTICE.txt"]
)
def test_nothing_else_is_served(client, name):
    assert get(client, name, "reader").status_code == 404


@pytest.mark.parametrize("user", [None, "expired"])
def test_a_browser_without_a_session_is_sent_to_the_login(client, user):
    answer = get(client, "", user, **BROWSER)
    assert (answer.status_code, answer.headers["Location"]) == (302, "../api/v2/auth/login?next=%2Fcrypto-prices%2F")


def test_a_person_without_access_reads_that_it_is_missing(client):
    answer = get(client, "", "stranger", **BROWSER)
    assert answer.status_code == 403
    assert "may not read the DAG crypto_prices_daily" in answer.text
    assert "<script" not in answer.text


def test_an_unchanged_file_is_not_sent_again(client):
    etag = get(client, "page.js", "reader").headers["ETag"]
    again = get(client, "page.js", "reader", **{"If-None-Match": f"W/{etag}"})
    assert (again.status_code, again.content) == (304, b"")
    assert get(client, "page.js", "stranger", **{"If-None-Match": etag}).status_code == 403


def test_the_navigation_opens_the_page_outside_of_a_frame():
    plugin = CryptoPricesPlugin()
    (view,) = plugin.external_views
    assert view["destination"] == "nav"
    assert "url_route" not in view
    assert "category" in view  # tests/end_to_end/test_runbook.py follows the link in a browser
    (app,) = plugin.fastapi_apps
    # Relative to Airflow's base URL, with the slash that the mount needs.
    assert f"/{view['href']}" == f"{app['url_prefix']}/"
    assert issubclass(CryptoPricesPlugin, AirflowPlugin)


def test_loading_the_plugin_does_not_build_the_app():
    """The scheduler and the workers load it, too."""
    import subprocess
    import sys

    code = (
        "import sys\n"
        "from crypto_prices_plugin import CryptoPricesPlugin\n"
        "plugin = CryptoPricesPlugin()\n"
        "before = 'crypto_prices.page.web_app' in sys.modules\n"
        "print(before, len(plugin.fastapi_apps), 'crypto_prices.page.web_app' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path = {sys.path!r}\n{code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.split()[-3:] == ["False", "1", "True"]
