"""Which files of a folder belong to the bundle: all but what tools and editors leave behind."""

from __future__ import annotations

import fnmatch
from pathlib import Path

LEFT_BEHIND = ("__pycache__", "*.py[co]", "*~", "#*#", "*.bak", "*.orig", "*.rej", "*.sw[a-p]", "*.tmp")
"""Names, as fnmatch patterns, of files and folders that never belong."""

KEPT_HIDDEN = frozenset({".airflowignore"})
"""The only hidden files that Airflow reads."""


class BundleError(Exception):
    """The bundle cannot be made from this checkout; the message says what is wrong, where, and what to do."""


def belongs(name: str) -> bool:
    """Return whether a file or folder of this name goes into the bundle."""
    if name.startswith("."):
        return name in KEPT_HIDDEN
    return not any(fnmatch.fnmatchcase(name, pattern) for pattern in LEFT_BEHIND)


def read_folder(folder: Path, checkout: Path) -> dict[str, bytes]:
    """Read the files that belong to the bundle, links followed.

    Args:
        folder: The folder to read.
        checkout: The folder that every link has to stay in, so that nothing of the machine is deployed.

    Returns:
        The contents by path below the folder, with ``/`` between folders, sorted by path.

    Raises:
        BundleError: The folder is not there, or a link leads nowhere, out of the checkout or back into itself.
    """
    if not folder.is_dir():
        raise BundleError(f"there is no folder {folder}: run this in a checkout of the repository, or name it")
    found: dict[str, bytes] = {}
    _read(folder, "", (folder.resolve(),), checkout.resolve(), found)
    return dict(sorted(found.items()))


def _read(folder: Path, prefix: str, above: tuple[Path, ...], checkout: Path, found: dict[str, bytes]) -> None:
    for path in folder.iterdir():
        if not belongs(path.name):
            continue
        target = path.resolve()
        if not target.exists():
            raise BundleError(f"{path} is a link to {target}, which is not there: remove it or make it right")
        if not target.is_relative_to(checkout):
            raise BundleError(f"{path} leads to {target}, outside {checkout}: put a copy of it into the repository")
        if target.is_dir():
            if target in above:
                raise BundleError(f"{path} leads back to {target}: remove the link")
            _read(path, f"{prefix}{path.name}/", (*above, target), checkout, found)
        else:
            found[prefix + path.name] = path.read_bytes()
