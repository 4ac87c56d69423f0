"""The one way in which this project zips: equal contents give equal bytes, on any machine."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that the format can say
_UNIX = 3
_FILE_MODE = 0o100644


def zip_bytes(files: Mapping[str, bytes]) -> bytes:
    """Zip files without a trace of where and when.

    Nothing is compressed: what DEFLATE makes depends on the zlib that Python was built with, and a few hundred
    kilobytes are not worth a plugins.zip that is another one on another machine.

    Args:
        files: The contents by path in the zip, with ``/`` between folders.

    Returns:
        The zip file's bytes: entries in the order of their paths, of 1980, readable by all and writable by the owner.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(files):
            entry = zipfile.ZipInfo(path, _TIME)
            entry.create_system = _UNIX
            entry.external_attr = _FILE_MODE << 16
            archive.writestr(entry, files[path])
    return buffer.getvalue()
