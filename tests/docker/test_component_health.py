import json
import re

import pytest

from tests.support.docker_scripts import load

health = load("component_health")

# As https://airflow.apache.org/docs/apache-airflow/stable/administration-and-deployment/logging-monitoring/check-health.html
PAGE = {
    "metadatabase": {"status": "healthy"},
    "scheduler": {"status": "healthy", "latest_scheduler_heartbeat": "2024-01-01T00:00:00+00:00"},
    "triggerer": {"status": "unhealthy", "latest_triggerer_heartbeat": "2024-01-01T00:00:00+00:00"},
    "dag_processor": {"status": None, "latest_dag_processor_heartbeat": None},
}


def test_a_healthy_component_has_no_problem():
    assert health.problem("scheduler", PAGE) is None


@pytest.mark.parametrize(
    ("component", "message"),
    [
        ("triggerer", r"triggerer .*unhealthy.* 2024-01-01T00:00:00\+00:00.*"),
        ("dag_processor", "dag_processor .*None.*never.*"),
        ("worker", ".*worker.*"),
    ],
)
def test_an_unhealthy_component_is_described(component, message):
    assert re.fullmatch(message, health.problem(component, PAGE))


@pytest.mark.parametrize("component", ["scheduler", "api_server"])
def test_without_a_response_no_component_is_healthy(monkeypatch, capsys, component):
    monkeypatch.setattr(health, "API_SERVER", "http://127.0.0.1:1")
    assert health.main(component) == 1
    assert "API server" in capsys.readouterr().out


def test_the_api_server_is_warmed_up_once_per_start(monkeypatch, tmp_path):
    requested = []

    def respond(path):
        requested.append(path)
        return json.dumps(PAGE)

    monkeypatch.setattr(health, "_answer", respond)
    monkeypatch.setattr(health, "WARM", tmp_path / "warm")
    assert [health.main("api_server"), health.main("api_server")] == [0, 0]
    assert requested == ["/execution/health/ping", *["/api/v2/monitor/health"] * 2]


def test_an_api_server_without_its_database_is_not_healthy(monkeypatch, tmp_path, capsys):
    page = {**PAGE, "metadatabase": {"status": "unhealthy"}}
    monkeypatch.setattr(health, "_answer", lambda path: json.dumps(page))
    monkeypatch.setattr(health, "WARM", tmp_path / "warm")
    assert health.main("api_server") == 1
    assert "metadatabase" in capsys.readouterr().out
