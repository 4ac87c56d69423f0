"""Uploads the Glue script and its packages after an edit, as a deployment would."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from local_platform.checkout import GLUE_SCRIPTS, PLUGINS
from local_platform.names import Names
from local_platform.provision import upload_glue_code

logger = logging.getLogger(__name__)

_LOOK_EVERY_SECONDS = 1.0

Stamp = frozenset[tuple[str, int, int]]
"""Path, modification time in nanoseconds and size of each file."""


def stamp(*folders: Path) -> Stamp:
    """Return a value that differs for each state of the folders."""
    found = set()
    for folder, path in ((root, path) for root in folders for path in root.rglob("*")):
        if "__pycache__" in path.parts:
            continue
        try:
            status = path.stat()
        except FileNotFoundError:  # editors replace files
            continue
        if path.is_file():
            found.add((str(path.relative_to(folder)), status.st_mtime_ns, status.st_size))
    return frozenset(found)


class GlueCodeWatch:
    """Polls the folders every second in its own thread; a context manager.

    It polls because folders that a container mounts from its host do not send notifications on every system. It uploads
    only after an edit, so an object that was uploaded in another way stays until then.

    Args:
        endpoint: The URL of the local AWS.
        names: The names of the resources.
        folder: The folder with the Glue script and its package.
        contract: The folder of the package that the Glue job shares with Airflow.
        upload: Uploads changed files; replaced in tests.
    """

    def __init__(
        self,
        endpoint: str,
        names: Names,
        folder: Path = GLUE_SCRIPTS,
        contract: Path = PLUGINS / "crypto_prices_contract",
        *,
        upload: Callable[[str, Names, Path], tuple[str, ...]] = upload_glue_code,
    ) -> None:
        self._endpoint = endpoint
        self._names = names
        self._folder = folder
        self._contract = contract
        self._upload = upload
        self._seen = stamp(folder, contract)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="glue-code-watch", daemon=True)

    def __enter__(self) -> GlueCodeWatch:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stop.set()
        self._thread.join()

    def look(self) -> bool:
        """Upload edits since the last call; return whether there were any."""
        now = stamp(self._folder, self._contract)
        if now == self._seen:
            return False
        self._seen = now
        try:
            for what in self._upload(self._endpoint, self._names, self._folder):
                logger.info("uploaded edited Glue code: %s", what)
        except Exception:
            # An unfinished edit, such as a syntax error. The next save triggers another upload.
            logger.exception("the edited Glue code could not be uploaded")
        return True

    def _watch(self) -> None:
        while not self._stop.wait(_LOOK_EVERY_SECONDS):
            self.look()
