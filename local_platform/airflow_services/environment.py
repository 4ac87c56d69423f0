"""The environment of the local Airflow's processes: ``airflow_environment``, and what services need beyond it."""

from __future__ import annotations

import base64
import json
import os
import secrets
import shlex
from collections.abc import Mapping
from pathlib import Path

from local_aws.replaced_file import replacing
from local_platform.airflow_environment import airflow_environment, airflow_home

DEFAULT_PARALLELISM = 4


def services_environment(
    state_dir: Path, aws: Mapping[str, str], *, database_url: str, url: str, parallelism: int = DEFAULT_PARALLELISM
) -> dict[str, str]:
    """Return the environment variables of every process of the local Airflow.

    Args:
        state_dir: Folder of the local AWS's state; Airflow's home lies below it.
        aws: What points AWS clients at the local AWS.
        database_url: The metadata database, with a driver that is both synchronous and asynchronous.
        url: The API server's base URL on 127.0.0.1.
        parallelism: How many tasks run at once; so many worker processes are forked at the start.
    """
    home = airflow_home(state_dir)
    host, port = url.removeprefix("http://").split(":")
    keys = _keys(home / "keys.json")
    environment = airflow_environment(state_dir, dict(aws))
    # Every component and every task would compile Airflow anew, which takes most of a minute.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment |= {
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": str(parallelism),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__FERNET_KEY": keys["fernet_key"],
        # The default asks DNS for the machine's full name, which without a network takes seconds.
        "AIRFLOW__CORE__HOSTNAME_CALLABLE": "socket.gethostname",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__API__HOST": host,
        "AIRFLOW__API__PORT": port,
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__SECRET_KEY": keys["secret_key"],
        "AIRFLOW__API_AUTH__JWT_SECRET": keys["jwt_secret"],
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database_url,
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": database_url,
        # Done once before the components start.
        "AIRFLOW__DATABASE__CHECK_MIGRATIONS": "False",
        # An edited DAG file is parsed at the next look all the same; without edits each parse costs seconds of CPU.
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "300",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "30",
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "AIRFLOW__DAG_PROCESSOR__PRINT_STATS_INTERVAL": "0",
        "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "5",
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
        # After a crash a task is found dead, or a component's tasks orphaned, within a minute and not five.
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "30",
        # The end of a task is often noticed only when its supervisor next wakes up for a heartbeat. Until then a
        # deferred task has not ended for the executor, and one that is resumed meanwhile is taken for killed and is
        # tried again.
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        "AIRFLOW__WORKERS__SOCKET_CLEANUP_TIMEOUT": "2",
        "NO_PROXY": _without_proxy(environment),
        "no_proxy": _without_proxy(environment),
        "PYTHONUNBUFFERED": "1",
    }
    return environment


def shell_lines(environment: Mapping[str, str]) -> str:
    """Return the ``export`` lines that let the ``airflow`` command of a second terminal use the local Airflow."""
    wanted = {
        name: value
        for name, value in sorted(environment.items())
        if name.startswith(("AIRFLOW_", "AWS_")) or name in ("NO_PROXY", "no_proxy")
    }
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in wanted.items())


def _without_proxy(environment: Mapping[str, str]) -> str:
    present = environment.get("NO_PROXY") or environment.get("no_proxy")
    return ",".join(filter(None, (present, "127.0.0.1", "localhost")))


def _keys(path: Path) -> dict[str, str]:
    """Return the keys that all processes share, made once: a restart must read what was encrypted before."""
    if not path.exists():
        keys = {name: secrets.token_urlsafe(48) for name in ("secret_key", "jwt_secret")}
        keys["fernet_key"] = base64.urlsafe_b64encode(os.urandom(32)).decode()
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, mode=0o600) as draft:
            draft.write_text(json.dumps(keys), encoding="utf-8")
    found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return found
