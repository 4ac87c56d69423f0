"""Writes the bundle as a whole or not at all, and reads it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bundle.contents import CATALOG_TABLE, PLUGINS, REQUIREMENTS
from bundle.label import CHECKSUMS, VERSION
from bundle.source_files import BundleError

_BUNDLE = {"dags", "glue", PLUGINS, REQUIREMENTS, CATALOG_TABLE, CHECKSUMS, VERSION}


def write_bundle(files: Mapping[str, bytes], dist: Path) -> None:
    """Replace the bundle's folder as a whole.

    The new folder is created beside the old one and replaces it when it is complete. Files that are not in the new
    bundle disappear. After a failure, the old folder is still there.

    Args:
        files: The contents by path below the folder.
        dist: The bundle's folder. It may be missing, empty, or contain a bundle.

    Raises:
        BundleError: ``dist`` contains something else, which would be lost.
    """
    _refuse_what_is_no_bundle(dist)
    dist.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{dist.name}-", dir=dist.parent))
    try:
        for path, content in files.items():
            _write(beside / "new", path, content)
        if dist.exists():
            dist.rename(beside / "old")
        try:
            (beside / "new").rename(dist)
        except OSError:
            if (beside / "old").exists():
                (beside / "old").rename(dist)
            raise
    finally:
        shutil.rmtree(beside)


def read_bundle(dist: Path) -> dict[str, bytes]:
    """Read every file below a bundle's folder, including files that do not belong there.

    Args:
        dist: The bundle's folder.

    Raises:
        BundleError: The folder does not exist.
    """
    if not dist.is_dir():
        raise BundleError(f"{dist} does not exist: build the bundle with `make bundle`")
    paths = sorted(path for path in dist.rglob("*") if path.is_file())
    return {path.relative_to(dist).as_posix(): path.read_bytes() for path in paths}


def _write(root: Path, path: str, content: bytes) -> None:
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    # Independent of the user's umask, because copies of the files keep their modes.
    target.chmod(0o644)
    for folder in (target.parent, *target.parent.parents):
        folder.chmod(0o755)
        if folder == root:
            break


def _refuse_what_is_no_bundle(dist: Path) -> None:
    if dist.is_symlink() or (dist.exists() and not dist.is_dir()):
        raise BundleError(f"{dist} is not a folder: choose a different path, or remove it")
    if not dist.exists():
        return
    names = set(os.listdir(dist))
    # An incomplete bundle may be replaced, because the preflight then advises to build it again.
    broken = names <= _BUNDLE and names & {PLUGINS, CATALOG_TABLE}
    if names and not broken and not {PLUGINS, CATALOG_TABLE} <= names:
        raise BundleError(
            f"{dist} contains files that are not a bundle and would be deleted: choose a different folder"
        )
