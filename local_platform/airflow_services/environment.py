"""The environment of the local Airflow's processes: ``airflow_environment`` with the variables of the services."""

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
        state_dir: Folder of the local AWS's state. Airflow's home is below it.
        aws: Variables that point AWS clients at the local AWS.
        database_url: URL of the metadata database, with a driver that is both synchronous and asynchronous.
        url: The API server's base URL on 127.0.0.1.
        parallelism: Number of tasks that run at the same time. As many worker processes are forked at the start.
    """
    home = airflow_home(state_dir)
    host, port = url.removeprefix("http://").split(":")
    keys = _keys(home / "keys.json")
    environment = airflow_environment(state_dir, dict(aws))
    # Otherwise every component and every task would compile Airflow, which takes most of a minute.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment |= {
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": str(parallelism),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__FERNET_KEY": keys["fernet_key"],
        # The default asks DNS for the machine's full name, which takes seconds without a network.
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
        # Migrations run once, before the components start.
        "AIRFLOW__DATABASE__CHECK_MIGRATIONS": "False",
        # An edited DAG file is still parsed at the next refresh. Other parses would only cost seconds of CPU.
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "300",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "30",
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "AIRFLOW__DAG_PROCESSOR__PRINT_STATS_INTERVAL": "0",
        "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "5",
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
        # Detects dead tasks and orphaned tasks within a minute of a crash instead of five.
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "30",
        # A supervisor often notices the end of its task only at the next heartbeat. Until then the executor considers
        # a deferred task as running. If the task is resumed before that, it counts as killed and is retried.
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        "AIRFLOW__WORKERS__SOCKET_CLEANUP_TIMEOUT": "2",
        "PYTHONUNBUFFERED": "1",
    }
    return environment


def shell_lines(environment: Mapping[str, str]) -> str:
    """Return ``export`` lines that let the ``airflow`` command in another terminal use the local Airflow."""
    wanted = {
        name: value
        for name, value in sorted(environment.items())
        if name.startswith(("AIRFLOW_", "AWS_")) or name in ("NO_PROXY", "no_proxy")
    }
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in wanted.items())


def _keys(path: Path) -> dict[str, str]:
    """Return the keys that all processes share. They are created once, so that a restart can decrypt older values."""
    if not path.exists():
        keys = {name: secrets.token_urlsafe(48) for name in ("secret_key", "jwt_secret")}
        keys["fernet_key"] = base64.urlsafe_b64encode(os.urandom(32)).decode()
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, mode=0o600) as draft:
            draft.write_text(json.dumps(keys), encoding="utf-8")
    found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return found
