"""The bundle in the form that the checks use: all of its bytes, and nothing else."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from bundle.contents import CATALOG_TABLE, GLUE_PACKAGE, GLUE_SCRIPT, PLUGINS, REQUIREMENTS
from bundle.label import CHECKSUMS, VERSION
from bundle.preflight.finding import Finding
from bundle.source_files import belongs

_SINGLE_FILES = (CATALOG_TABLE, GLUE_PACKAGE, GLUE_SCRIPT, PLUGINS, REQUIREMENTS)
_BUILD = "build the bundle with `make bundle`, not by hand"


@dataclass(frozen=True)
class Archive:
    """A zip file.

    Attributes:
        names: The entries as they are named in the zip, including folders and duplicates.
        files: The contents of the files by name. For duplicates, it is the last content.
        error: The reason if the zip cannot be read. The other attributes are empty then.
    """

    names: tuple[str, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
    error: str = ""

    @staticmethod
    def of(content: bytes | None) -> Archive:
        """Read the bytes of a zip file."""
        if content is None:
            return Archive(error="it is missing")
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                files = {entry.filename: archive.read(entry) for entry in archive.infolist() if not entry.is_dir()}
                return Archive(tuple(archive.namelist()), files)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            return Archive(error=f"it is not a readable zip file: {error}")


@dataclass(frozen=True)
class Bundle:
    """A bundle.

    Attributes:
        files: The contents by path below the bundle's folder.
    """

    files: Mapping[str, bytes]

    @cached_property
    def plugins(self) -> Archive:
        """plugins.zip."""
        return Archive.of(self.files.get(PLUGINS))

    @cached_property
    def glue_package(self) -> Archive:
        """The zip that Glue receives as ``--extra-py-files``."""
        return Archive.of(self.files.get(GLUE_PACKAGE))

    @cached_property
    def dags(self) -> dict[str, bytes]:
        """The files below ``dags/``, by path below it."""
        return _below("dags/", self.files)

    @cached_property
    def sql(self) -> dict[str, bytes]:
        """The files below ``dags/sql/``, by path below it."""
        return _below("sql/", self.dags)

    @cached_property
    def airflow_sources(self) -> dict[str, bytes]:
        """Every Python file for MWAA, by its location in the bundle."""
        dags = {f"dags/{path}": content for path, content in self.dags.items() if path.endswith(".py")}
        plugins = {f"{PLUGINS}/{path}": text for path, text in self.plugins.files.items() if path.endswith(".py")}
        return dags | plugins

    @cached_property
    def glue_sources(self) -> dict[str, bytes]:
        """Every Python file for Glue, by its location in the bundle."""
        package = self.glue_package.files.items()
        script = {GLUE_SCRIPT: self.files[GLUE_SCRIPT]} if GLUE_SCRIPT in self.files else {}
        return script | {f"{GLUE_PACKAGE}/{path}": text for path, text in package if path.endswith(".py")}


def _below(folder: str, files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {path.removeprefix(folder): content for path, content in files.items() if path.startswith(folder)}


def check_complete(bundle: Bundle) -> list[Finding]:
    """Check that every file of a bundle exists, and that no other file does."""
    findings = [Finding(path, "it is missing", _BUILD) for path in _SINGLE_FILES if path not in bundle.files]
    if not any(path.endswith(".py") for path in bundle.dags):
        findings.append(Finding("dags/", "there is no DAG file", _BUILD))
    if not bundle.sql:
        findings.append(Finding("dags/sql/", "there are no SQL files", f"{_BUILD}: it follows the link dags/sql"))
    for path, archive in ((PLUGINS, bundle.plugins), (GLUE_PACKAGE, bundle.glue_package)):
        if path in bundle.files and archive.error:
            findings.append(Finding(path, archive.error, _BUILD))
    for path in bundle.files:
        if path not in (*_SINGLE_FILES, CHECKSUMS, VERSION) and not path.startswith("dags/"):
            findings.append(Finding(path, "it is not part of a bundle", f"remove it, or {_BUILD}"))
        elif not all(belongs(part) for part in path.split("/")):
            findings.append(Finding(path, "it is a leftover of a tool or an editor", f"remove it, or {_BUILD}"))
    return findings
