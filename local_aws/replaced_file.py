"""Replaces a file in one step, so that a reader sees either the old content or the new, never a part of it."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replacing(path: Path, *, mode: int | None = None) -> Iterator[Path]:
    """Yield a draft, which replaces a file when the block ends without an error.

    The draft has a unique name, so several processes may replace the same file at the same time. The last one wins.

    Args:
        path: The file to replace. It may be missing, but its folder must exist.
        mode: The file's permissions from the first byte on, such as ``0o600`` for secrets; None for the default.

    Yields:
        The draft, in the same folder. It is removed if the block fails.
    """
    draft = path.with_name(f".{secrets.token_hex(8)}-{path.name}")
    try:
        if mode is not None:
            draft.touch(mode=mode)
        yield draft
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
