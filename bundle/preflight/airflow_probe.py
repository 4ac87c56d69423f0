"""Starts Airflow on an unpacked bundle in a separate process, and records the errors.

``python -I airflow_probe.py <airflow home> <result>``. Nothing of the checkout can be imported here, not even this
package. The result is a JSON object with the members that ``dag_check`` reads.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_LOOKUPS = frozenset({"socket.getaddrinfo", "socket.gethostbyname"})


def main(home: Path, answer: Path) -> None:
    """Load ``home/dags`` and ``home/plugins`` and write the result.

    Args:
        home: Airflow's home. The environment variable AIRFLOW_HOME must have the same value.
        answer: The file for the result.
    """
    found: dict[str, Any] = {"python": list(sys.version_info[:3]), "reached": []}
    try:
        import airflow
    except ImportError as error:
        found["no_airflow"] = str(error)
    else:
        from airflow.configuration import conf

        found["airflow"] = airflow.__version__
        # The network is refused only from here on, because Airflow's own lookups at start-up are not the bundle's.
        sys.addaudithook(lambda event, arguments: _refuse_network(event, arguments, found["reached"]))
        try:
            _load(home, found)
        except SystemExit:
            found["exited"] = traceback.format_exc(limit=-3)
        # At the end, because the bundle's files can set it, too.
        found["default_timezone"] = conf.get("core", "default_timezone")
    answer.write_text(json.dumps(found))


def _load(home: Path, found: dict[str, Any]) -> None:
    from airflow import plugins_manager
    from airflow.dag_processing.dagbag import BundleDagBag
    from airflow.sdk.definitions._internal.templater import Templater
    from airflow.serialization.serialized_objects import DagSerialization

    dags, plugins = home / "dags", home / "plugins"
    before = set(sys.modules)
    errors = plugins_manager.get_import_errors()
    found["plugin_errors"] = {_below(home, path): text for path, text in errors.items()}
    found["executed"] = sorted(_executed(plugins))
    found["module_errors"] = dict(_module_errors(plugins))
    found["app_error"] = _app_error()

    templates: list[dict[str, Any]] = []
    found["templates"] = templates
    resolve = Templater.resolve_template_files

    def remember_and_resolve(operator: Any) -> None:
        templates.extend(_template_files(operator, {name: getattr(operator, name, None) for name in _fields(operator)}))
        resolve(operator)

    # Airflow replaces the file names by the contents, and only logs missing files.
    Templater.resolve_template_files = remember_and_resolve  # type: ignore[method-assign,assignment]
    bag = BundleDagBag(dag_folder=dags, bundle_path=dags, bundle_name="dags-folder", load_op_links=False)
    found["import_errors"] = {f"dags/{path}": text for path, text in bag.import_errors.items()}
    found["dags"] = {dag_id: _below(home, dag.fileloc) for dag_id, dag in bag.dags.items()}
    found["paths"] = []
    for dag in bag.dags.values():
        try:
            DagSerialization.to_dict(dag)
        except Exception:  # noqa: BLE001 - the DAG processor reports any exception as an import error
            found["import_errors"][_below(home, dag.fileloc)] = traceback.format_exc(limit=-3)
        for task in dag.tasks:
            values = getattr(task, "partial_kwargs", None)
            if values is not None:  # mapped tasks have no operator before they run
                templates.extend(_template_files(task, values))
            found["paths"].extend(_missing_paths(task, values or vars(task), dags, home))
    found["template_errors"] = _template_errors(bag.dags.values(), dags)
    found["foreign"] = sorted(_foreign(home, before))


def _refuse_network(event: str, arguments: tuple[Any, ...], reached: list[str]) -> None:
    if event == "socket.connect":
        address = arguments[1]
        if not isinstance(address, tuple):
            return  # a socket of this machine, addressed by its path
        target = f"{address[0]}:{address[1]}"
    elif event in _LOOKUPS:
        target = str(arguments[0])
    else:
        return
    if target not in reached:
        reached.append(target)
    raise OSError(f"{target}: the preflight has no network, so move the request into a task")


def _executed(plugins: Path) -> Iterator[str]:
    """Yield the modules that the plugin manager executed. It names a module after its file, without the package."""
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if path and Path(path).is_relative_to(plugins):
            relative = Path(path).relative_to(plugins)
            if name == relative.stem and (name == "__init__" or relative.as_posix() != f"{name}/__init__.py"):
                yield relative.as_posix()


def _module_errors(plugins: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(plugins.rglob("*.py")):
        relative = path.relative_to(plugins)
        parts = relative.with_suffix("").parts
        try:
            importlib.import_module(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
        except Exception:  # noqa: BLE001 - a module can raise anything
            yield f"plugins/{relative.as_posix()}", traceback.format_exc(limit=-3)


def _app_error() -> str | None:
    """Build the apps of the plugins, as the API server does. It would not start after an error."""
    from airflow import plugins_manager

    try:
        plugins_manager.get_fastapi_plugins()
    except Exception:  # noqa: BLE001 - a plugin can raise anything
        return traceback.format_exc(limit=-3)
    return None


def _fields(operator: Any) -> tuple[str, ...]:
    return tuple(getattr(operator, "template_fields", ()))


def _template_files(operator: Any, values: dict[str, Any]) -> Iterator[dict[str, Any]]:
    endings = tuple(getattr(operator, "template_ext", ()))
    for field in _fields(operator):
        value = values.get(field)
        texts = [text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)]
        names = [text for text in texts if endings and text.endswith(endings)]
        if names or len(texts) > 1:
            yield {
                "where": f"{operator.dag.dag_id}.{operator.task_id}",
                "field": field,
                "statements": len(texts) if field == "sql" else 0,
                "missing": [name for name in names if not _resolves(operator.dag, name)],
            }


def _resolves(dag: Any, name: str) -> bool:
    from jinja2 import TemplateNotFound

    env = dag.get_template_env()
    try:
        env.loader.get_source(env, name)
    except TemplateNotFound:
        return False
    return True


def _missing_paths(task: Any, values: dict[str, Any], dags: Path, home: Path) -> Iterator[dict[str, str]]:
    """Yield an operator's paths below the DAGs' folder, such as the migrations folder, that do not exist."""
    for field, value in values.items():
        if isinstance(value, str | Path) and str(value).startswith(f"{dags}{os.sep}") and not Path(value).exists():
            yield {
                "where": f"{task.dag.dag_id}.{task.task_id}",
                "field": field,
                "path": _below(home, str(value)),
            }


def _template_errors(dags: Any, folder: Path) -> dict[str, str]:
    """Compile every template with the filters of each DAG. Return the errors of templates that no DAG can compile."""
    from jinja2 import TemplateError

    errors: dict[str, str] = {}
    right: set[str] = set()
    for dag in dags:
        env = dag.get_template_env()
        for name in env.list_templates(filter_func=lambda path: path.endswith((".sql", ".jinja"))):
            try:
                template = env.get_template(name)
            except (TemplateError, UnicodeDecodeError) as error:
                path = folder / name if (folder / name).exists() else folder / "sql" / name
                line = getattr(error, "lineno", None)
                errors[f"dags/{path.relative_to(folder).as_posix()}" + (f":{line}" if line else "")] = str(error)
            else:
                right.add(f"dags/{Path(template.filename).relative_to(folder).as_posix()}")
    return {where: error for where, error in errors.items() if where.partition(":")[0] not in right}


def _foreign(home: Path, before: set[str]) -> Iterator[str]:
    """Yield modules that the bundle loaded and that belong neither to it nor to the interpreter's packages."""
    places = {sys.prefix, sys.base_prefix, sys.exec_prefix, *sysconfig.get_paths().values(), str(home)}
    own = [Path(place).resolve() for place in places]
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if name not in before and path and not any(Path(path).resolve().is_relative_to(place) for place in own):
            yield f"{name} ({path})"


def _below(home: Path, path: str) -> str:
    return Path(path).relative_to(home).as_posix() if Path(path).is_relative_to(home) else path


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]))
