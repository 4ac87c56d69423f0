"""Prepares the state folder, and explains in one sentence why it cannot be used."""

from __future__ import annotations

import errno
import os
import pwd
import tempfile
from pathlib import Path

_ON_THIS_DISK = {
    errno.EROFS: "its disk is read-only",
    errno.ENOSPC: "its disk is full",
    errno.EDQUOT: "your quota on its disk is used up",
}


class StateFolderError(Exception):
    """The state folder cannot be used. The message contains the folder and the reason, but not what to do."""


def prepare_state_folder(folder: Path) -> None:
    """Create the folder if it is missing, let only its owner enter it, and check that files can be written to it.

    Raises:
        StateFolderError: It cannot be created or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # This applies to existing folders, too, because the folder contains secrets in clear text.
        folder.chmod(0o700)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"\0")
    except OSError as error:
        raise unusable(folder, error) from error


def unusable(folder: Path, error: OSError) -> StateFolderError:
    """Return the error for a folder whose files cannot be read or written.

    Args:
        folder: The state folder.
        error: What the operating system reports.
    """
    return StateFolderError(f"{folder} cannot be used: {_reason(folder, error)}.")


def _reason(folder: Path, error: OSError) -> str:
    if error.errno in _ON_THIS_DISK:
        return _ON_THIS_DISK[error.errno]
    existing = next((path for path in (folder, *folder.absolute().parents) if os.path.lexists(path)), folder)
    if isinstance(error, PermissionError):
        owner = existing.stat().st_uid
        if owner != os.geteuid():
            return f"{existing} belongs to {user_name(owner)}, and you are {user_name(os.geteuid())}"
        return f"its owner may not write to {existing}"
    if not existing.is_dir():
        return f"{existing} is not a folder"
    return error.strerror or str(error)


def user_name(user_id: int) -> str:
    """Return the name of a user, or its number if it has no name."""
    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError:
        return f"user {user_id}"
