"""A client for Airflow's public REST API (/api/v2), for developer commands and tests."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

import requests

from local_platform.airflow_services.task_log import log_text
from local_platform.instants import instant_text

FINISHED_STATES = ("success", "failed")
"""The final states of a DAG run."""

_PAGE = 100
_TIMEOUT_SECONDS = 30
_LOG_PAGES = 1000

TaskName = str | tuple[str, int]
"""A task id, which includes all mapped instances, or a task id with a map index."""


class AirflowApiError(Exception):
    """The API rejected a request.

    Attributes:
        status: The HTTP status.
        message: The server's message.
    """

    def __init__(self, status: int, message: str, request: str) -> None:
        super().__init__(f"{request}: HTTP {status}: {message}")
        self.status = status
        self.message = message


class AirflowUnreachableError(Exception):
    """The API server does not respond."""


class AirflowApi:
    """Calls the API of an Airflow in which all users are administrators (SimpleAuthManager).

    It is not thread-safe. It returns instants as the API's ISO 8601 strings.

    Args:
        url: The API server's base URL.
        timeout_seconds: Timeout of a request.
    """

    def __init__(self, url: str, *, timeout_seconds: float = _TIMEOUT_SECONDS) -> None:
        self.url = url.rstrip("/")
        self._timeout_seconds = timeout_seconds
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy and no .netrc for a loopback address

    # ------------------------------------------------------------------------------------------------ the environment

    def health(self) -> dict[str, Any]:
        """Return the state of metadatabase, scheduler, triggerer and dag_processor; needs no token."""
        found: dict[str, Any] = self._answer("GET", "/api/v2/monitor/health", {}).json()
        return found

    def warm_up(self) -> None:
        """Make the API server build its execution API, which takes seconds at the first request.

        It does not respond to other requests in that time, and the requests of a task time out after five seconds.
        """
        self._answer("GET", "/execution/health/ping", {})

    def import_errors(self) -> list[dict[str, Any]]:
        """Return the DAG files that cannot be imported: filename, timestamp, stack_trace."""
        return list(self._pages("/api/v2/importErrors", "import_errors"))

    def pool(self, name: str) -> dict[str, Any]:
        """Return a pool."""
        return self._call("GET", f"/api/v2/pools/{_path(name)}")

    def set_pool(self, name: str, slots: int) -> dict[str, Any]:
        """Create a pool or change its slots; -1 means unlimited."""
        try:
            # Airflow validates the whole pool even if the mask names one field.
            present = self.pool(name)
            body = {"pool": name, "slots": slots, "include_deferred": present["include_deferred"]}
            mask = {"update_mask": "slots"}
            return self._call("PATCH", f"/api/v2/pools/{_path(name)}", params=mask, body=body)
        except AirflowApiError as error:
            if error.status != 404:
                raise
            return self._call("POST", "/api/v2/pools", body={"name": name, "slots": slots})

    # --------------------------------------------------------------------------------------------------------- DAGs

    def dags(self) -> list[dict[str, Any]]:
        """Return all parsed DAGs that are not stale."""
        return list(self._pages("/api/v2/dags", "dags"))

    def dag(self, dag_id: str) -> dict[str, Any]:
        """Return one DAG."""
        return self._call("GET", f"/api/v2/dags/{_path(dag_id)}")

    def pause(self, dag_id: str) -> None:
        """Pause a DAG. Its runs keep their state."""
        self._call("PATCH", f"/api/v2/dags/{_path(dag_id)}", body={"is_paused": True})

    def unpause(self, dag_id: str) -> None:
        """Unpause a DAG. Its schedule then also starts the run of the latest interval."""
        self._call("PATCH", f"/api/v2/dags/{_path(dag_id)}", body={"is_paused": False})

    # ---------------------------------------------------------------------------------------------------- DAG runs

    def trigger(
        self,
        dag_id: str,
        *,
        logical_date: datetime | None = None,
        conf: Mapping[str, Any] | None = None,
        run_id: str | None = None,
    ) -> dict[str, Any]:
        """Start a DAG run and return it.

        Args:
            dag_id: The DAG. The run does not start while it is paused.
            logical_date: The run's logical date, with a time zone; None starts a run without one.
            conf: The run's configuration, which overrides params.
            run_id: The run's id; None lets Airflow choose one.
        """
        body: dict[str, Any] = {"logical_date": instant_text(logical_date), "conf": dict(conf or {})}
        body |= {} if run_id is None else {"dag_run_id": run_id}
        return self._call("POST", f"/api/v2/dags/{_path(dag_id)}/dagRuns", body=body)

    def dag_run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """Return one DAG run."""
        return self._call("GET", _run_path(dag_id, run_id))

    def dag_runs(
        self,
        dag_id: str,
        *,
        first: datetime | None = None,
        last: datetime | None = None,
        states: Sequence[str] = (),
        run_types: Sequence[str] = (),
    ) -> list[dict[str, Any]]:
        """Return a DAG's runs, ordered by logical date.

        Args:
            dag_id: The DAG.
            first: The earliest logical date, included.
            last: The last logical date, included.
            states: Return only these states; empty means all.
            run_types: Return only these types (backfill, scheduled, manual, asset_triggered); empty means all.
        """
        params: dict[str, Any] = {"state": list(states), "run_type": list(run_types), "order_by": "logical_date"}
        params |= {} if first is None else {"logical_date_gte": instant_text(first)}
        params |= {} if last is None else {"logical_date_lte": instant_text(last)}
        return list(self._pages(f"/api/v2/dags/{_path(dag_id)}/dagRuns", "dag_runs", params))

    def wait_for_dag_run(
        self,
        dag_id: str,
        run_id: str,
        *,
        timeout_seconds: float,
        look_seconds: float = 1.0,
        on_look: Callable[[dict[str, Any]], None] | None = None,
    ) -> dict[str, Any]:
        """Wait until a DAG run has finished, and return it. The API server may restart in that time.

        Args:
            dag_id: The DAG.
            run_id: The run.
            timeout_seconds: Timeout.
            look_seconds: Time between two requests.
            on_look: Called with the run after each request. Its exceptions are passed on.

        Raises:
            TimeoutError: The run has not finished in time.
            AirflowApiError: The run does not exist.
        """
        deadline = time.monotonic() + timeout_seconds
        seen = "not seen"
        while True:
            try:
                run = self.dag_run(dag_id, run_id)
            except AirflowUnreachableError as error:
                seen = str(error)
            else:
                seen = run["state"]
                if on_look is not None:
                    on_look(run)
                if seen in FINISHED_STATES:
                    return run
            if time.monotonic() > deadline:
                raise TimeoutError(f"run {run_id} of {dag_id} has not finished within {timeout_seconds:g} s ({seen})")
            time.sleep(look_seconds)

    def clear_run(self, dag_id: str, run_id: str, *, only_failed: bool = False) -> None:
        """Clear a DAG run, so that all its tasks, or only the failed ones, run again."""
        body = {"dry_run": False, "only_failed": only_failed}
        self._call("POST", f"{_run_path(dag_id, run_id)}/clear", body=body)

    # ----------------------------------------------------------------------------------------------- task instances

    def task_instances(self, dag_id: str, run_id: str = "~", *, states: Sequence[str] = ()) -> list[dict[str, Any]]:
        """Return task instances with dag_run_id, task_id, map_index (-1 if not mapped), state, try_number and more.

        Args:
            dag_id: The DAG.
            run_id: The run; ``~`` means all runs.
            states: Return only these states; empty means all.
        """
        params = {"state": list(states)}
        return list(self._pages(f"{_run_path(dag_id, run_id)}/taskInstances", "task_instances", params))

    def clear_tasks(
        self,
        dag_id: str,
        run_id: str,
        tasks: Sequence[TaskName],
        *,
        only_failed: bool = False,
        upstream: bool = False,
        downstream: bool = False,
        reset_dag_runs: bool = True,
        dry_run: bool = False,
    ) -> list[dict[str, Any]]:
        """Clear task instances by exact task id and map index, and return the cleared ones.

        Airflow also clears the setups and teardowns of these tasks.

        Args:
            dag_id: The DAG.
            run_id: The run.
            tasks: The tasks. An empty list is refused, because it would mean all tasks to Airflow.
            only_failed: Clear only failed task instances.
            upstream: Also clear the upstream tasks.
            downstream: Also clear the downstream tasks.
            reset_dag_runs: Set the run to queued.
            dry_run: Only return the task instances that would be cleared.

        Raises:
            ValueError: ``tasks`` is empty.
            AirflowApiError: The DAG, the run or a task does not exist.
        """
        if not tasks:
            raise ValueError("tasks is empty: name the tasks to clear, or use clear_run to clear all of them")
        body = {
            "dry_run": dry_run,
            "dag_run_id": run_id,
            "task_ids": [task if isinstance(task, str) else list(task) for task in tasks],
            "only_failed": only_failed,
            "include_upstream": upstream,
            "include_downstream": downstream,
            "reset_dag_runs": reset_dag_runs,
        }
        answer = self._call("POST", f"/api/v2/dags/{_path(dag_id)}/clearTaskInstances", body=body)
        found: list[dict[str, Any]] = answer["task_instances"]
        return found

    def set_task_state(self, dag_id: str, run_id: str, task: TaskName, state: str) -> list[dict[str, Any]]:
        """Mark a task instance as success, failed or skipped, and return the changed ones."""
        task_id, index = (task, "") if isinstance(task, str) else (task[0], f"/{task[1]}")
        path = f"{_run_path(dag_id, run_id)}/taskInstances/{_path(task_id)}{index}"
        answer = self._call("PATCH", path, params={"update_mask": "new_state"}, body={"new_state": state})
        found: list[dict[str, Any]] = answer["task_instances"]
        return found

    def task_log(self, dag_id: str, run_id: str, task_id: str, try_number: int, *, map_index: int = -1) -> str:
        """Return the log of a task instance's try as text."""
        path = f"{_run_path(dag_id, run_id)}/taskInstances/{_path(task_id)}/logs/{try_number}"
        params: dict[str, Any] = {"map_index": map_index, "full_content": True}
        messages: list[Any] = []
        for _ in range(_LOG_PAGES):
            page = self._call("GET", path, params=params)
            messages += page["content"]
            token = page.get("continuation_token")
            if not token or not page["content"]:
                break
            params["token"] = token
        return log_text(messages)

    # ---------------------------------------------------------------------------------------------------- backfills

    def create_backfill(
        self,
        dag_id: str,
        first: datetime,
        last: datetime,
        *,
        max_active_runs: int = 4,
        reprocess_behavior: str = "none",
        run_backwards: bool = False,
        run_conf: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Create a backfill with its DAG runs, and return it.

        Args:
            dag_id: The DAG. The runs do not start while it is paused.
            first: The earliest logical date, included.
            last: The last logical date, included.
            max_active_runs: Number of its runs that are active at the same time.
            reprocess_behavior: Which existing runs are run again: none, failed or completed.
            run_backwards: Start with the last day.
            run_conf: The conf of each run.

        Raises:
            AirflowApiError: Another backfill of the DAG is active (409), or Airflow rejects it.
        """
        body = _backfill_body(dag_id, first, last, max_active_runs, reprocess_behavior, run_backwards, run_conf)
        return self._call("POST", "/api/v2/backfills", body=body)

    def dry_run_backfill(
        self, dag_id: str, first: datetime, last: datetime, *, reprocess_behavior: str = "none"
    ) -> list[datetime]:
        """Return the logical dates that a backfill would run."""
        body = _backfill_body(dag_id, first, last, 1, reprocess_behavior, False, None)
        answer = self._call("POST", "/api/v2/backfills/dry_run", body=body)
        return [datetime.fromisoformat(run["logical_date"]) for run in answer["backfills"]]

    def backfills(self, dag_id: str) -> list[dict[str, Any]]:
        """Return a DAG's backfills. Airflow sets completed_at up to a minute after the last run has finished."""
        return list(self._pages("/api/v2/backfills", "backfills", {"dag_id": dag_id}))

    def backfill(self, backfill_id: int) -> dict[str, Any]:
        """Return one backfill."""
        return self._call("GET", f"/api/v2/backfills/{backfill_id}")

    def backfill_runs(self, backfill_id: int) -> list[dict[str, Any]]:
        """Return the DAG runs of a backfill's days. The API does not return the backfill of a run."""
        found = self.backfill(backfill_id)
        first, last = (datetime.fromisoformat(found[name]) for name in ("from_date", "to_date"))
        return self.dag_runs(found["dag_id"], first=first, last=last)

    # -------------------------------------------------------------------------------------------------------- calls

    def _call(
        self, method: str, path: str, *, params: Mapping[str, Any] | None = None, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        answer = self._answer(method, path, self._authorisation(), params=params, json=body)
        found: dict[str, Any] = answer.json()
        return found

    def _pages(self, path: str, member: str, params: Mapping[str, Any] | None = None) -> Iterator[dict[str, Any]]:
        offset = 0
        while True:
            page = self._call("GET", path, params={**(params or {}), "limit": _PAGE, "offset": offset})
            yield from page[member]
            offset += len(page[member])
            if not page[member] or offset >= page["total_entries"]:
                return

    def _authorisation(self) -> dict[str, str]:
        if "Authorization" not in self._session.headers:
            token = self._answer("GET", "/auth/token", {}).json()["access_token"]
            self._session.headers["Authorization"] = f"Bearer {token}"
        return {}

    def _answer(self, method: str, path: str, headers: Mapping[str, str], **arguments: Any) -> requests.Response:
        try:
            answer = self._session.request(
                method, f"{self.url}{path}", headers=headers, timeout=self._timeout_seconds, **arguments
            )
        except (requests.ConnectionError, requests.Timeout) as error:
            raise AirflowUnreachableError(f"Airflow does not respond at {self.url}: {error}") from error
        if not answer.ok:
            raise AirflowApiError(answer.status_code, _said(answer), f"{method} {path}")
        return answer


def _backfill_body(
    dag_id: str,
    first: datetime,
    last: datetime,
    max_active_runs: int,
    reprocess_behavior: str,
    run_backwards: bool,
    run_conf: Mapping[str, Any] | None,
) -> dict[str, Any]:
    return {
        "dag_id": dag_id,
        "from_date": instant_text(first),
        "to_date": instant_text(last),
        "max_active_runs": max_active_runs,
        "reprocess_behavior": reprocess_behavior,
        "run_backwards": run_backwards,
        "dag_run_conf": dict(run_conf or {}),
    }


def _said(answer: requests.Response) -> str:
    """Return the server's message. FastAPI puts it, or a list of errors, into ``detail``."""
    try:
        detail = answer.json()["detail"]
    except (requests.JSONDecodeError, KeyError, TypeError):
        return answer.text.strip()[:500] or answer.reason
    if isinstance(detail, list):
        return "; ".join(
            f"{'.'.join(str(part) for part in problem.get('loc', ()))}: {problem.get('msg')}" for problem in detail
        )
    return detail if isinstance(detail, str) else str(detail)


def _run_path(dag_id: str, run_id: str) -> str:
    return f"/api/v2/dags/{_path(dag_id)}/dagRuns/{_path(run_id)}"


def _path(name: str) -> str:
    return quote(name, safe="")
