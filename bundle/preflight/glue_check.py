"""Checks that Glue's script and packages can be imported without the checkout."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bundle.contents import GLUE_PACKAGE, GLUE_PACKAGES, GLUE_SCRIPT
from bundle.preflight.bundle import Bundle
from bundle.preflight.finding import Finding
from bundle.preflight.isolated_process import ProbeError, run_probe
from bundle.preflight.plugins_layout import unpacks_safely
from bundle.preflight.python_source import parsed

_BUILD = "build it with `make bundle`"


def check_glue(bundle: Bundle) -> list[Finding]:
    """Check that the packages' folders are at the zip's root, and that every imported module and name exists."""
    if bundle.glue_package.error or GLUE_SCRIPT not in bundle.files:
        return []  # check_complete reports it
    folders = tuple(f"{package}/" for package in GLUE_PACKAGES)
    findings = [
        Finding(
            f"{GLUE_PACKAGE}/{name}", f"it is not in one of the folders {' '.join(folders)} at the zip's root", _BUILD
        )
        for name in bundle.glue_package.names
        if not name.startswith(folders) or not unpacks_safely((name,))
    ]
    findings += [
        Finding(f"{GLUE_PACKAGE}/{folder}__init__.py", "it is missing", _BUILD)
        for folder in folders
        if f"{folder}__init__.py" not in bundle.glue_package.files
    ]
    if findings or any(parsed(source) is None for source in bundle.glue_sources.values()):
        return findings  # check_syntax reports the rest
    with tempfile.TemporaryDirectory(prefix="preflight-") as folder:
        for path in (GLUE_PACKAGE, GLUE_SCRIPT):
            (Path(folder) / path.rpartition("/")[2]).write_bytes(bundle.files[path])
        try:
            errors = run_probe("glue_probe", Path(folder))["errors"]
        except ProbeError as error:
            return [Finding(GLUE_PACKAGE, f"Python could not load it: {error}", "correct the error")]
    return [
        Finding(f"glue/{where}", f"Glue cannot import it:\n{text.strip()}", "add the missing part to glue_scripts/")
        for where, text in sorted(errors.items())
    ]
