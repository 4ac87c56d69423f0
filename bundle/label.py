"""The label of a bundle: its version, and the checksums of its files."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

VERSION = "VERSION"
CHECKSUMS = "SHA256SUMS"
"""The checksums of all other files. ``sha256sum --check SHA256SUMS`` verifies them."""

_LINE = re.compile(r"(?P<digest>[0-9a-f]{64}) [ *](?P<path>.+)")


def labelled(files: Mapping[str, bytes], version: str) -> dict[str, bytes]:
    """Return the files of a bundle with its label.

    Args:
        files: The contents by path.
        version: The version.
    """
    versioned = {**files, VERSION: f"{version}\n".encode()}
    return dict(sorted({**versioned, CHECKSUMS: checksums(versioned)}.items()))


def unlabelled(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the files of a bundle without its label."""
    return {path: content for path, content in files.items() if path not in (VERSION, CHECKSUMS)}


def checksums(files: Mapping[str, bytes]) -> bytes:
    """Return the SHA-256 of files in the format of ``sha256sum``, sorted by path."""
    return "".join(f"{hashlib.sha256(files[path]).hexdigest()}  {path}\n" for path in sorted(files)).encode()


def read_checksums(text: str) -> dict[str, str]:
    """Return the SHA-256 by path from a file in the format of ``sha256sum``. Other lines are left out."""
    found = (_LINE.fullmatch(line) for line in text.splitlines())
    return {line["path"]: line["digest"] for line in found if line}
