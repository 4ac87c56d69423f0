import io
import zipfile
from pathlib import Path

import pytest

from bundle.contents import GLUE_PACKAGE, PLUGINS, bundle_files
from bundle.preflight.bundle import Bundle
from bundle.zip_file import zip_bytes

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def built():
    """The bundle of this checkout."""
    return bundle_files(REPOSITORY)


class Mistakes:
    """Builds bundles that contain a mistake, from the bundle of this checkout."""

    def __init__(self, built):
        self.built = built

    def files(self, changes=(), /, *, plugins=(), glue=()):
        """Return the bundle with changed files, also in its zips. None removes a file."""
        inside = {PLUGINS: dict(plugins), GLUE_PACKAGE: dict(glue)}
        zips = {path: zip_bytes(changed(entries(self.built[path]), new)) for path, new in inside.items() if new}
        return changed(self.built | zips, dict(changes))

    def bundle(self, changes=(), /, **inside):
        return Bundle(self.files(changes, **inside))


def entries(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def changed(files, changes):
    encoded = {path: text.encode() if isinstance(text, str) else text for path, text in changes.items()}
    return {path: content for path, content in (files | encoded).items() if content is not None}


@pytest.fixture(scope="session")
def mistakes(built):
    return Mistakes(built)
