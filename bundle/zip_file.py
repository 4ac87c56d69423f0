"""Creates zip files. The same contents produce the same bytes on every machine."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest time that the format can store
_UNIX = 3
_FILE_MODE = 0o100644


def zip_bytes(files: Mapping[str, bytes]) -> bytes:
    """Zip files so that the result depends only on their paths and contents.

    The files are not compressed. The output of DEFLATE depends on the zlib that Python was built with, and saving a few
    hundred kilobytes is not worth a plugins.zip that differs between machines.

    Args:
        files: The contents by path in the zip, with ``/`` between folders.

    Returns:
        The zip file's bytes. The entries are sorted by path, dated 1980, readable by all and writable by the owner.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(files):
            entry = zipfile.ZipInfo(path, _TIME)
            entry.create_system = _UNIX
            entry.external_attr = _FILE_MODE << 16
            archive.writestr(entry, files[path])
    return buffer.getvalue()
