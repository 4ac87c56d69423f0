"""Ensures that only one process uses a folder at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


class FolderInUseError(Exception):
    """Another process is using the folder.

    Attributes:
        holder: The id of that process, or ``unknown``.
    """

    def __init__(self, folder: Path, holder: str) -> None:
        super().__init__(f"process {holder} uses {folder}")
        self.holder = holder


@contextlib.contextmanager
def only_process_in(folder: Path) -> Iterator[None]:
    """Hold the folder's lock. The operating system releases it however the process ends.

    Args:
        folder: The folder, which must exist. The lock is the file ``lock`` in it.

    Raises:
        FolderInUseError: Another process holds the lock.
    """
    with (folder / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise FolderInUseError(folder, file.read().strip() or "unknown") from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
