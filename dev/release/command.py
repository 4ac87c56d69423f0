"""``python -m dev release``: write the files of a release."""

from __future__ import annotations

import argparse
import datetime as dt
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from bundle.build import read_bundle
from bundle.label import CHECKSUMS, VERSION, checksums
from bundle.preflight.bundle import Bundle
from bundle.preflight.label_check import check_label
from bundle.source_files import BundleError
from bundle.version import RELEASE
from bundle.zip_file import zip_bytes
from dev.release.bill_of_materials import bill_of_materials
from dev.release.python_packages import PackagesError
from local_platform.checkout import REPOSITORY

NAME = "crypto-prices"
_NO_HISTORY = dt.datetime(1980, 1, 1, tzinfo=dt.UTC)
"""The time of a bill of materials without a commit. It is also the date of all entries in the zip files."""


class ReleaseError(Exception):
    """The release cannot be written. The message has the reason and the remedy."""


def main(arguments: Sequence[str]) -> int:
    """Write the files of a release from a bundle.

    Args:
        arguments: The command line after the command.

    Returns:
        The exit code: 0 on success, 1 if the bundle is incomplete or has another version.
    """
    parser = argparse.ArgumentParser(
        prog="python -m dev release",
        usage="%(prog)s [options]",
        description="Write the bundle as one zip file, its bill of materials and their checksums. The same commit "
        "always produces the same bytes.",
    )
    parser.add_argument("--dist", type=Path, default=REPOSITORY / "dist", help="the bundle's folder (default: dist)")
    parser.add_argument("--output", type=Path, default=REPOSITORY / "release", help="default: release")
    parser.add_argument("--version", help="fail if the bundle has another version, or one that is not tagged")
    options = parser.parse_args(arguments)
    try:
        files = read_bundle(options.dist)
        written = release_files(files, _commit_time(REPOSITORY), options.version)
        _write(written, options.output)
    except (BundleError, PackagesError, ReleaseError) as error:
        sys.stderr.write(f"release: {error}\n")
        return 1
    print("\n".join(f"{options.output}/{name}" for name in written))
    return 0


def release_files(files: Mapping[str, bytes], time: dt.datetime, version: str | None = None) -> dict[str, bytes]:
    """Return the files of a release by name.

    Args:
        files: The bundle, with its label.
        time: The time of the commit.
        version: The version that the bundle must have; None accepts every version.

    Raises:
        ReleaseError: The bundle is not what was built, or it has another version.
        PackagesError: The Python packages cannot be listed.
    """
    if findings := check_label(Bundle(files)):
        raise ReleaseError(f"{findings[0].where}: {findings[0].what}. Run `make preflight` and see its report")
    found = files[VERSION].decode().strip()
    if version is not None and (found != version or RELEASE.fullmatch(version) is None):
        raise ReleaseError(
            f"expected the version {version}, found {found}: build from a clean checkout of the tag v{version}"
        )
    name = f"{NAME}-{found}"
    written = {
        f"{name}.cdx.json": bill_of_materials(files, NAME, found, time),
        f"{name}.zip": zip_bytes(files),
    }
    return {**written, CHECKSUMS: checksums(written)}


def _commit_time(checkout: Path) -> dt.datetime:
    command = ["git", "log", "-1", "--format=%ct"]
    try:
        done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    except OSError:
        return _NO_HISTORY
    if done.returncode or not done.stdout.strip():
        return _NO_HISTORY
    return dt.datetime.fromtimestamp(int(done.stdout), dt.UTC)


def _write(files: Mapping[str, bytes], folder: Path) -> None:
    """Replace the files of an earlier release.

    Raises:
        ReleaseError: The folder has other files, which would be lost.
    """
    if folder.exists():
        others = [path.name for path in folder.iterdir() if path.name != CHECKSUMS and not path.name.startswith(NAME)]
        if others:
            raise ReleaseError(f"{folder} contains {others[0]}, which is not part of a release: choose another folder")
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
