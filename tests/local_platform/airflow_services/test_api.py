import json
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from local_platform.airflow_services.api import AirflowApi, AirflowApiError, AirflowUnreachableError

DAY = datetime(2024, 1, 1, tzinfo=UTC)
RUN = "backfill__2024-01-02T00:00:00+00:00"


class Server:
    """Sends prepared responses by method and path, and records the requests."""

    def __init__(self) -> None:
        self.responses = {("GET", "/auth/token"): [(201, {"access_token": "the-token"})]}
        self.received = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def respond(self) -> None:
                address = urlsplit(self.path)
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                server.received.append(
                    (self.command, address.path, parse_qs(address.query), body, self.headers.get("Authorization"))
                )
                responses = server.responses[self.command, address.path]
                status, document = responses.pop(0) if len(responses) > 1 else responses[0]
                content = document.encode() if isinstance(document, str) else json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = respond

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def respond(self, method: str, path: str, *responses: tuple[int, object]) -> None:
        self.responses[method, path] = list(responses)

    def bodies(self, method: str, path: str) -> list[object]:
        return [body for sent, where, _, body, _ in self.received if (sent, where) == (method, path)]


@pytest.fixture
def server():
    server = Server()
    yield server
    server.close()


@pytest.fixture
def api(server):
    return AirflowApi(server.url)


def run_path(rest: str = "") -> str:
    return f"/api/v2/dags/prices/dagRuns/{RUN.replace(':', '%3A').replace('+', '%2B')}{rest}"


def test_a_token_is_requested_once_and_sent_with_each_call(server, api):
    server.respond("GET", "/api/v2/dags/prices", (200, {"dag_id": "prices"}))
    api.dag("prices")
    api.dag("prices")
    assert [(path, token) for _, path, _, _, token in server.received] == [
        ("/auth/token", None),
        ("/api/v2/dags/prices", "Bearer the-token"),
        ("/api/v2/dags/prices", "Bearer the-token"),
    ]


def test_health_needs_no_token(server, api):
    server.respond("GET", "/api/v2/monitor/health", (200, {"scheduler": {"status": "healthy"}}))
    assert api.health()["scheduler"]["status"] == "healthy"
    assert len(server.received) == 1


def test_every_page_of_a_list_is_fetched(server, api):
    pages = [[{"task_id": f"t{n}"} for n in range(100)], [{"task_id": "last"}]]
    responses = [(200, {"task_instances": page, "total_entries": 101}) for page in pages]
    server.respond("GET", run_path("/taskInstances"), *responses)
    assert [task["task_id"] for task in api.task_instances("prices", RUN, states=("failed",))][-2:] == ["t99", "last"]
    offsets = [query["offset"] for _, path, query, _, _ in server.received if "taskInstances" in path]
    assert offsets == [["0"], ["100"]]
    assert server.received[-1][2]["state"] == ["failed"]


@pytest.mark.parametrize(
    ("response", "message"),
    [
        ({"detail": "There is already a running backfill for dag prices"}, "There is already a running backfill"),
        ({"detail": [{"loc": ["body", "from_date"], "msg": "Field required"}]}, "body.from_date: Field required"),
        ({"detail": {"reason": "not_found"}}, "not_found"),
        ("Internal Server Error", "Internal Server Error"),
    ],
)
def test_an_error_carries_the_servers_message(server, api, response, message):
    server.respond("POST", "/api/v2/backfills", (409, response))
    with pytest.raises(AirflowApiError, match=message) as raised:
        api.create_backfill("prices", DAY, DAY)
    assert raised.value.status == 409


def test_an_unreachable_server_is_named():
    with pytest.raises(AirflowUnreachableError, match=r"http://127\.0\.0\.1:9"):
        AirflowApi("http://127.0.0.1:9/").health()


def test_a_run_is_triggered_with_its_date_and_configuration(server, api):
    server.respond("POST", "/api/v2/dags/prices/dagRuns", (200, {"dag_run_id": RUN}))
    api.trigger("prices", logical_date=DAY, conf={"force": True})
    api.trigger("prices")
    assert server.bodies("POST", "/api/v2/dags/prices/dagRuns") == [
        {"logical_date": "2024-01-01T00:00:00+00:00", "conf": {"force": True}},
        {"logical_date": None, "conf": {}},
    ]
    with pytest.raises(ValueError, match="no time zone"):
        api.trigger("prices", logical_date=datetime(2024, 1, 1))  # noqa: DTZ001


def test_tasks_are_cleared_by_exact_name_and_map_index(server, api):
    path = "/api/v2/dags/prices/clearTaskInstances"
    server.respond("POST", path, (200, {"task_instances": [{"task_id": "fetch"}], "total_entries": 1}))
    assert api.clear_tasks("prices", RUN, ["merge", ("fetch", 1)], downstream=True) == [{"task_id": "fetch"}]
    (body,) = server.bodies("POST", path)
    assert body["task_ids"] == ["merge", ["fetch", 1]]
    assert (body["include_downstream"], body["include_upstream"], body["only_failed"]) == (True, False, False)
    assert (body["dry_run"], body["dag_run_id"], body["reset_dag_runs"]) == (False, RUN, True)


def test_clearing_no_task_is_rejected_because_airflow_would_clear_all(api):
    with pytest.raises(ValueError, match="tasks"):
        api.clear_tasks("prices", RUN, [])


def test_one_mapped_task_instance_can_be_marked(server, api):
    path = run_path("/taskInstances/fetch/1")
    server.respond("PATCH", path, (200, {"task_instances": [{"task_id": "fetch"}], "total_entries": 1}))
    api.set_task_state("prices", RUN, ("fetch", 1), "failed")
    assert server.bodies("PATCH", path) == [{"new_state": "failed"}]


def test_waiting_for_a_run_returns_its_final_state(server, api):
    server.respond("GET", run_path(), *((200, {"state": state}) for state in ("queued", "running", "success")))
    seen = []
    run = api.wait_for_dag_run(
        "prices", RUN, timeout_seconds=10, look_seconds=0, on_look=lambda run: seen.append(run["state"])
    )
    assert run["state"] == "success"
    assert seen == ["queued", "running", "success"]


def test_waiting_for_a_run_is_bounded(server, api):
    server.respond("GET", run_path(), (200, {"state": "running"}))
    with pytest.raises(TimeoutError, match=r"0\.05 s \(running\)"):
        api.wait_for_dag_run("prices", RUN, timeout_seconds=0.05, look_seconds=0)


def test_every_page_of_a_log_is_read(server, api):
    pages = [({"content": [{"event": "first"}], "continuation_token": "more"}), ({"content": [{"event": "last"}]})]
    server.respond("GET", run_path("/taskInstances/fetch/logs/2"), *((200, page) for page in pages))
    assert api.task_log("prices", RUN, "fetch", 2, map_index=1) == "first\nlast"
    assert server.received[-1][2]["token"] == ["more"]


def test_a_missing_pool_is_created(server, api):
    server.respond("GET", "/api/v2/pools/small", (404, {"detail": "no such pool"}))
    server.respond("POST", "/api/v2/pools", (201, {"name": "small", "slots": 2}))
    assert api.set_pool("small", 2)["slots"] == 2


def test_the_runs_of_a_backfill_are_found_by_its_days(server, api):
    backfill = {"dag_id": "prices", "from_date": "2024-01-01T00:00:00Z", "to_date": "2024-01-02T00:00:00Z"}
    server.respond("GET", "/api/v2/backfills/3", (200, backfill))
    server.respond("GET", "/api/v2/dags/prices/dagRuns", (200, {"dag_runs": [{"a": 1}], "total_entries": 1}))
    assert api.backfill_runs(3) == [{"a": 1}]
    query = server.received[-1][2]
    assert query["logical_date_gte"] == ["2024-01-01T00:00:00+00:00"]
    assert query["logical_date_lte"] == ["2024-01-02T00:00:00+00:00"]
