"""Checks how MWAA unpacks plugins.zip into /usr/local/airflow/plugins, and how Airflow's plugin manager reads it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container

from bundle.contents import PLUGINS
from bundle.mwaa_image import OWN_MODULES, PYTHON_VERSION, installed
from bundle.preflight.bundle import Bundle
from bundle.preflight.finding import Finding
from bundle.preflight.installed_packages import distributions_of
from bundle.preflight.standard_library import in_standard_library
from bundle.source_files import belongs

IGNORE_FILE = ".airflowignore"
_BUILD = "build it with `make bundle`, which zips the contents of plugins/"


def check_plugins_layout(bundle: Bundle) -> list[Finding]:
    """Check that paths are safe, that Airflow executes only plugins, and that no module shadows another."""
    if bundle.plugins.error:
        return []  # check_complete reports it
    names = bundle.plugins.names
    return [*_paths(names), *_executed(bundle), *_shadows(names)]


def unpacks_safely(names: tuple[str, ...]) -> bool:
    """Return whether every path stays inside the folder into which the zip is unpacked."""
    return not any(_leaves_its_folder(name) for name in names)


def _leaves_its_folder(name: str) -> bool:
    return name.startswith(("/", "\\")) or bool(re.match("[A-Za-z]:", name)) or ".." in re.split(r"[/\\]", name)


def _paths(names: tuple[str, ...]) -> list[Finding]:
    findings = []
    if not any(name.endswith(".py") for name in names):
        findings.append(Finding(PLUGINS, "it has no Python file", _BUILD))
    for name, times in Counter(names).items():
        where = f"{PLUGINS}/{name}"
        if times > 1:
            findings.append(Finding(where, f"the zip has it {times} times", _BUILD))
        if _leaves_its_folder(name):
            findings.append(Finding(where, "the path points outside the plugins folder", _BUILD))
        elif not all(belongs(part) for part in name.split("/")):
            findings.append(Finding(where, "it is a leftover of a tool or an editor", _BUILD))
    if nested := [name for name in names if name.startswith("plugins/")]:
        what = (
            f"the zip has a folder plugins/ ({len(nested)} entries), which MWAA unpacks as plugins/plugins/: "
            "nothing in it can be imported"
        )
        todo = (
            f"zip the contents of plugins/, not the folder ({_BUILD}); if the checkout has plugins/plugins/, move it up"
        )
        findings.append(Finding(f"{PLUGINS}/plugins/", what, todo))
    return findings


def _executed(bundle: Bundle) -> list[Finding]:
    """Find modules that Airflow would execute. It runs every .py below plugins/ unless .airflowignore excludes it."""
    ignore = bundle.plugins.files.get(IGNORE_FILE)
    if ignore is None:
        return [
            Finding(
                f"{PLUGINS}/{IGNORE_FILE}",
                "it is missing: Airflow would run every module below plugins/ as a top-level module at start-up, and "
                "a types.py or client.py among them would replace the module that others import",
                f"keep plugins/{IGNORE_FILE} and {_BUILD}, hidden files included",
            )
        ]
    lines = {line.split("#")[0].strip() for line in ignore.decode(errors="replace").splitlines()}
    findings = []
    for name in sorted({path.split("/")[0] for path in bundle.plugins.files if path.endswith(".py")}):
        if {name, f"/{name}", f"{name}/", f"/{name}/"} & lines:
            continue
        if not name.endswith(".py"):
            what = f"it does not exclude {name}/, so Airflow runs each of its modules as a top-level module at start-up"
            findings.append(Finding(f"{PLUGINS}/{IGNORE_FILE}", what, f"add the line `{name}/`"))
        elif not name.endswith("_plugin.py"):
            what = "Airflow runs it as a top-level module at start-up, but its name is not a plugin's name"
            todo = f"move it into the package, add it to {IGNORE_FILE}, or rename it to *_plugin.py"
            findings.append(Finding(f"{PLUGINS}/{name}", what, todo))
    return findings


def _shadows(names: tuple[str, ...]) -> list[Finding]:
    findings = []
    image = installed()
    for name in sorted({name.split("/")[0] for name in names}):
        module = name.removesuffix(".py")
        if not module.isidentifier():
            continue
        owner = _owner(module, image)
        if owner is None:
            continue
        if name.endswith(".py"):
            what = f"it replaces {owner} in every Airflow process, because Airflow runs it as `{module}`"
        else:
            what = f"it cannot be imported: `import {module}` finds {owner}, which is earlier on the path"
        findings.append(Finding(f"{PLUGINS}/{name}", what, "rename it, or move it into the package"))
    return findings


def _owner(module: str, image: Container[str]) -> str | None:
    """Return a description of the module that already has the name, or None."""
    if in_standard_library(module, PYTHON_VERSION):
        return f"the standard library's `{module}`"
    if module in OWN_MODULES:
        return f"MWAA's own `{module}`"
    for distribution in distributions_of(module):
        if distribution in image:
            return f"`{module}` of the installed package {distribution}"
    return None
