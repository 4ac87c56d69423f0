"""The digest of deployed code. It names what ran, whatever its version number is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Protocol


class _Entry(Protocol):
    """A file or a folder, on a disk or in a zip: ``pathlib.Path`` or ``importlib.resources.abc.Traversable``."""

    @property
    def name(self) -> str: ...

    def is_dir(self) -> bool: ...

    def iterdir(self) -> Iterable[_Entry]: ...

    def read_bytes(self) -> bytes: ...


def code_digest(files: Mapping[str, bytes]) -> str:
    """Return the SHA-256 of the files' list as ``sha256sum`` prints it, sorted by path.

    ``find … -type f | LC_ALL=C sort | xargs sha256sum | sha256sum`` gives the same digest.

    Args:
        files: The contents by path.
    """
    lines = (f"{hashlib.sha256(content).hexdigest()}  {path}\n" for path, content in sorted(files.items()))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def code_files(folder: _Entry, suffixes: tuple[str, ...] = (".py",)) -> dict[str, bytes]:
    """Return the contents of the files below a folder by path. The path begins with the folder's name.

    Args:
        folder: The folder, which can be in a zip.
        suffixes: The ends of the names of files that are code.
    """
    found: dict[str, bytes] = {}
    for entry in folder.iterdir():
        if entry.is_dir():
            found |= {f"{folder.name}/{path}": content for path, content in code_files(entry, suffixes).items()}
        elif entry.name.endswith(suffixes):
            found[f"{folder.name}/{entry.name}"] = entry.read_bytes()
    return found
