"""Selects the files of a folder that belong to the bundle: all except leftovers of tools and editors."""

from __future__ import annotations

import fnmatch
import os
from pathlib import Path

LEFT_BEHIND = ("__pycache__", "*.py[co]", "*~", "#*#", "*.bak", "*.orig", "*.rej", "*.sw[a-p]", "*.tmp")
"""Names, as fnmatch patterns, of files and folders that never belong to the bundle."""

KEPT_HIDDEN = frozenset({".airflowignore"})
"""The only hidden files that Airflow reads."""


_LONGEST_LINK = 4096  # PATH_MAX on Linux


class BundleError(Exception):
    """The bundle cannot be built or read. The message contains the problem, its location and the remedy."""


def belongs(name: str) -> bool:
    """Return whether a file or folder with this name belongs to the bundle."""
    if name.startswith("."):
        return name in KEPT_HIDDEN
    return not any(fnmatch.fnmatchcase(name, pattern) for pattern in LEFT_BEHIND)


def read_folder(folder: Path, checkout: Path) -> dict[str, bytes]:
    """Read the files that belong to the bundle, following links.

    Args:
        folder: The folder to read.
        checkout: The folder that links must not leave, so that no other files of the machine are deployed.

    Returns:
        The contents by path below the folder, with ``/`` between folders, sorted by path.

    Raises:
        BundleError: The folder is missing, or a link is broken, points outside the checkout, forms a loop, or was
            checked out as a file.
    """
    if not folder.is_dir():
        raise BundleError(
            f"{folder} is not a folder: run this in a checkout of the repository, or pass one as --checkout"
        )
    found: dict[str, bytes] = {}
    _read(folder, "", (folder.resolve(),), checkout.resolve(), found)
    return dict(sorted(found.items()))


def _read(folder: Path, prefix: str, above: tuple[Path, ...], checkout: Path, found: dict[str, bytes]) -> None:
    for path in folder.iterdir():
        if not belongs(path.name):
            continue
        target = path.resolve()
        if not target.exists():
            raise BundleError(f"{path} is a broken link to {target}: remove or correct the link")
        if not target.is_relative_to(checkout):
            raise BundleError(f"{path} is a link to {target}, outside {checkout}: put a copy into the repository")
        if target.is_dir():
            if target in above:
                raise BundleError(f"{path} is a link to {target}, which contains it: remove the link")
            _read(path, f"{prefix}{path.name}/", (*above, target), checkout, found)
        else:
            content = path.read_bytes()
            _refuse_flattened_link(path, content)
            found[prefix + path.name] = content


def _refuse_flattened_link(path: Path, content: bytes) -> None:
    """Refuse a file that git wrote instead of a link: it contains nothing but the path of the link's target.

    With core.symlinks=false, "symbolic links are checked out as small plain files that contain the link text".
    https://git-scm.com/docs/git-config#Documentation/git-config.txt-coresymlinks
    """
    if not content or len(content) > _LONGEST_LINK or b"\n" in content or b"\0" in content:
        return
    target = Path(os.path.normpath(path.parent / os.fsdecode(content)))
    if target.exists():
        raise BundleError(
            f"{path} is a file that contains the path of {target}, because git checked it out without symbolic links: "
            f"run `git config core.symlinks true`, remove the file, and run `git checkout -- {path.name}` in its folder"
        )
