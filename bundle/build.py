"""Writes the bundle: all of it, or nothing."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bundle.contents import CATALOG_TABLE, PLUGINS, REQUIREMENTS
from bundle.source_files import BundleError

_BUNDLE = {"dags", "glue", PLUGINS, REQUIREMENTS, CATALOG_TABLE}


def write_bundle(files: Mapping[str, bytes], dist: Path) -> None:
    """Replace the bundle's folder as a whole: what is not in this bundle is gone, and a failure leaves the old one.

    The new folder is made beside the old one and takes its place when it is complete.

    Args:
        files: The contents by path below the folder.
        dist: The bundle's folder. It may be missing, empty, or a bundle.

    Raises:
        BundleError: ``dist`` is something else, which would be lost.
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
    """Read every file below a bundle's folder, whether it belongs there or not.

    Args:
        dist: The bundle's folder.

    Raises:
        BundleError: There is no such folder.
    """
    if not dist.is_dir():
        raise BundleError(f"there is no bundle in {dist}: make it with `make bundle`")
    paths = sorted(path for path in dist.rglob("*") if path.is_file())
    return {path.relative_to(dist).as_posix(): path.read_bytes() for path in paths}


def _write(root: Path, path: str, content: bytes) -> None:
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    # Not what this person's umask says: what is copied from here keeps its modes.
    target.chmod(0o644)
    for folder in (target.parent, *target.parent.parents):
        folder.chmod(0o755)
        if folder == root:
            break


def _refuse_what_is_no_bundle(dist: Path) -> None:
    if dist.is_symlink() or (dist.exists() and not dist.is_dir()):
        raise BundleError(f"{dist} is not a folder: name another one, or remove it")
    if not dist.exists():
        return
    names = set(os.listdir(dist))
    # Of a bundle something may be missing: making it anew is what the preflight then advises.
    broken = names <= _BUNDLE and names & {PLUGINS, CATALOG_TABLE}
    if names and not broken and not {PLUGINS, CATALOG_TABLE} <= names:
        raise BundleError(f"{dist} holds something else than a bundle, and would be replaced: name another folder")
