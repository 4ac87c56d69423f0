"""Checks that Airflow can load the DAGs and plugins from the bundle alone."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bundle.contents import PLUGINS
from bundle.mwaa_image import AIRFLOW_VERSION, PYTHON_VERSION
from bundle.preflight.bundle import Bundle
from bundle.preflight.finding import Finding
from bundle.preflight.isolated_process import ProbeError, run_probe
from bundle.preflight.plugins_layout import unpacks_safely

MAX_STATEMENTS = 40
"""Maximum number of statements in a BatchExecuteStatement
(https://docs.aws.amazon.com/redshift-data/latest/APIReference/API_BatchExecuteStatement.html)."""

_TIME_ZONE = "AIRFLOW__CORE__DEFAULT_TIMEZONE"
_ELSEWHERE = "MWAA has only dags/, the contents of plugins.zip and the packages in requirements.txt"


def check_dags(bundle: Bundle) -> list[Finding]:
    """Check that every module imports, every DAG parses and serializes, and every file that a task names exists."""
    if not unpacks_safely(bundle.plugins.names):
        what = "it was not unpacked, because it has paths outside its folder: nothing was loaded"
        return [Finding(PLUGINS, what, "correct the layout of plugins.zip first")]
    with tempfile.TemporaryDirectory(prefix="preflight-") as folder:
        home = Path(folder).resolve()
        for below, files in (("dags", bundle.dags), ("plugins", bundle.plugins.files)):
            (home / below).mkdir()
            unpack(files, home / below)
        try:
            found = run_probe("airflow_probe", home, airflow_environment(home))
        except ProbeError as error:
            return [Finding("dags/", f"Airflow could not load the bundle: {error}", "correct the error")]
    return list(judge(found, [path for path in bundle.dags if path.endswith(".py")]))


def unpack(files: Mapping[str, bytes], folder: Path) -> None:
    """Write files below a folder."""
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def airflow_environment(home: Path) -> dict[str, str]:
    """Return the variables that make Airflow use a home as MWAA's containers use /usr/local/airflow.

    The default time zone is that of the caller's environment, which may be a container with the options of MWAA.
    """
    time_zone = {_TIME_ZONE: os.environ[_TIME_ZONE]} if _TIME_ZONE in os.environ else {}
    return time_zone | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(home / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__LAZY_LOAD_PLUGINS": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
    }


def judge(found: Mapping[str, Any], dag_files: list[str]) -> Iterator[Finding]:
    """Yield a finding for each error in the result of ``airflow_probe``.

    Args:
        found: The probe's result.
        dag_files: The Python files, by path below ``dags/``.
    """
    if "no_airflow" in found:
        what = f"the Python that runs this check has no Airflow, so no DAG was parsed: {found['no_airflow']}"
        yield Finding("dags/", what, "run `make preflight`, which uses .venv")
        return
    if found["airflow"] != AIRFLOW_VERSION:
        what = f"parsed with Airflow {found['airflow']}, but the environment has {AIRFLOW_VERSION}"
        yield Finding("dags/", what, f"run it where Airflow {AIRFLOW_VERSION} is installed: `make preflight`")
    if tuple(found["python"][:2]) != PYTHON_VERSION:
        what = f"parsed with Python {_dotted(found['python'][:2])}, but the environment has {_dotted(PYTHON_VERSION)}"
        yield Finding("dags/", what, "run it with that Python, too, before a release", warning=True)
    if found["default_timezone"].upper() != "UTC":
        what = f"Airflow's option core.default_timezone is {found['default_timezone']}, but all days are UTC"
        yield Finding("dags/", what, f"set it to utc, or unset {_TIME_ZONE}")
    if "exited" in found:
        what = f"loading a file ended Airflow's process, so the rest was not checked:\n{found['exited'].strip()}"
        yield Finding("dags/", what, "remove the code that exits when it is imported")
        return
    load_errors = found["import_errors"] | found["module_errors"]
    for where, text in sorted(load_errors.items()):
        todo = "correct the file"
        if "ModuleNotFoundError" in text or "ImportError" in text:
            todo = f"correct the import: {_ELSEWHERE}"
        yield Finding(_in_bundle(where), f"Airflow cannot load it:\n{text.strip()}", todo)
    for where, text in sorted(found["plugin_errors"].items()):
        if where not in load_errors:
            what = f"Airflow's plugin manager cannot load it: {text}"
            yield Finding(_in_bundle(where), what, "correct the plugin")
    if found["app_error"] and not found["module_errors"]:
        what = f"the API server could not start, because a plugin cannot build its app:\n{found['app_error'].strip()}"
        yield Finding(PLUGINS, what, "correct the plugin, or add the file that it reads")
    for path in found["executed"]:
        if "/" in path or not path.endswith("_plugin.py"):
            what = "Airflow ran it as a top-level module when it started"
            yield Finding(f"{PLUGINS}/{path}", what, "add its folder to .airflowignore")
    if not found["dags"]:
        yield Finding("dags/", "Airflow found no DAG", "add a DAG file, or see the import errors")
    for path in dag_files:
        where = f"dags/{path}"
        if where not in found["dags"].values() and where not in found["import_errors"]:
            todo = "move it into plugins/crypto_prices, or add it to dags/.airflowignore"
            yield Finding(where, "it defines no DAG, but Airflow parses it repeatedly", todo, warning=True)
    yield from _judge_files(found)
    for target in found["reached"]:
        what = f"loading the bundle connects to {target}, and MWAA would do so on every parse"
        yield Finding("dags/", what, "move it into a task")
    for module in found["foreign"]:
        yield Finding("dags/", f"loading the bundle imported {module}, which is not part of the bundle", _ELSEWHERE)


def _judge_files(found: Mapping[str, Any]) -> Iterator[Finding]:
    for template in found["templates"]:
        for name in template["missing"]:
            what = f"{template['where']}: {template['field']} names {name}, which is not in dags/sql/"
            yield Finding("dags/", what, "add the file to sql/, or correct the name")
        if template["statements"] > MAX_STATEMENTS:
            what = (
                f"{template['where']} has {template['statements']} statements, but a batch of the Redshift Data API "
                f"has at most {MAX_STATEMENTS}"
            )
            yield Finding("dags/", what, "split it into two tasks")
    for path in found["paths"]:
        what = f"{path['where']}: {path['field']} names {path['path']}, which is not in the bundle"
        yield Finding("dags/", what, "add it, or correct the path")
    for where, error in sorted(found["template_errors"].items()):
        yield Finding(where, f"Jinja cannot compile it: {error}", "correct the template")


def _in_bundle(path: str) -> str:
    """Return the location in the bundle of a file in Airflow's home."""
    # Airflow uses both names of the folder.
    return re.sub(r"^(plugins|\$PLUGINS_FOLDER)/", f"{PLUGINS}/", path)


def _dotted(version: tuple[int, ...] | list[int]) -> str:
    return ".".join(map(str, version))
