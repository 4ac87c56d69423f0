"""Checks of the machine: disk, user and locale."""

from __future__ import annotations

import os
import pwd
import shutil
import sys
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from dev.doctor.finding import Finding, Grade, fine
from local_aws.state_folder import user_name

GIGABYTE = 10**9
STATE_BYTES = GIGABYTE
"""A week of five markets needs less than half of it."""
INSTALLATION_BYTES = 3 * GIGABYTE
"""The packages, Java, and Spark's caches."""

_MOST_ENTRIES = 50_000


def disk_findings(checkout: Path, state_dir: Path) -> Iterator[Finding]:
    """Check the free space where the platform writes, and that it can write there."""
    places = [("state folder", state_dir, STATE_BYTES, "choose a folder on another disk with STATE=<folder>")]
    if not (checkout / ".venv" / "setup-stamp").exists():
        places.append(("checkout", checkout, INSTALLATION_BYTES, "clone the repository to another disk"))
    temporary = Path(tempfile.gettempdir())
    places.append(("temporary folder", temporary, STATE_BYTES // 2, "set TMPDIR to a folder on another disk"))
    free_places = []
    for name, folder, needed, todo in places:
        existing = nearest_existing(folder)
        reason = unwritable_reason(existing)
        free = shutil.disk_usage(existing).free
        if reason:
            yield Finding("disk", Grade.WRONG, f"the {name} {folder} cannot be written to ({reason})", todo)
        elif free < needed:
            what = f"the {name} {folder} has {in_gigabytes(free)} free and needs {in_gigabytes(needed)}"
            yield Finding("disk", Grade.WRONG, what, f"free some, or {todo}")
        else:
            free_places.append(f"{in_gigabytes(free)} for the {name}")
    if len(free_places) == len(places):
        yield fine("disk", f"free: {', '.join(free_places)}")


def nearest_existing(folder: Path) -> Path:
    """Return the folder, or the first of its parents that exists."""
    # Unlike Path.exists, this does not fail in a folder that another user has closed.
    return next(path for path in (folder, *folder.absolute().parents) if os.path.exists(path))


def unwritable_reason(folder: Path) -> str | None:
    """Return why no file can be created in a folder, or None."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return error.strerror or str(error)


def in_gigabytes(size: int) -> str:
    """Return a size for people."""
    return f"{size / GIGABYTE:.1f} GB"


def user_findings(checkout: Path, state_dir: Path) -> Iterator[Finding]:
    """Check that the user has a name, and owns the files that the platform changes."""
    user = os.geteuid()
    try:
        name = pwd.getpwuid(user).pw_name
    except KeyError:
        yield Finding(
            "user",
            Grade.WRONG,
            f"user {user} has no entry in /etc/passwd, which PostgreSQL and Spark require",
            "run make as a user with a name, or add an entry",
        )
        return
    foreign = [] if user == 0 else [path for place in (state_dir, checkout / ".venv") if (path := foreign_file(place))]
    for path in foreign:
        owner = user_name(path.lstat().st_uid)
        where = state_dir if path.is_relative_to(state_dir) else checkout / ".venv"
        todo = f"sudo chown -R {name} {where}"
        yield Finding("user", Grade.WRONG, f"{path} belongs to {owner}, and you are {name}", todo)
    if not foreign:
        yield fine("user", name)


def foreign_file(folder: Path) -> Path | None:
    """Return a file or folder at or below a folder that belongs to another user, or None.

    It looks at a limited number, because ``.venv`` has many and one command changes the owner of all of them.
    """
    for path in islice(_entries(folder), _MOST_ENTRIES):
        if path.lstat().st_uid != os.geteuid():
            return path
    return None


def _entries(folder: Path) -> Iterator[Path]:
    if not os.path.lexists(folder):
        return
    yield folder
    for parent, folders, files in os.walk(folder):
        yield from (Path(parent, name) for name in (*folders, *files) if os.path.lexists(Path(parent, name)))


def locale_finding(checkout: Path, state_dir: Path) -> Finding:
    """Check that paths and output have an encoding with every character."""
    todo = f"export LC_ALL={'en_US.UTF-8' if sys.platform == 'darwin' else 'C.UTF-8'}"
    files, output = sys.getfilesystemencoding(), (sys.stdout.encoding or "utf-8").lower()
    named = [str(path) for path in (checkout, state_dir) if not str(path).isascii()]
    if files != "utf-8" and named:
        return Finding("locale", Grade.WRONG, f"the locale encodes paths as {files}, and {named[0]} is not ASCII", todo)
    if output.replace("-", "") != "utf8":
        return Finding("locale", Grade.NOTE, f"the output's encoding is {output}, so tables show ? for lines", todo)
    return fine("locale", f"paths {files}, output {output}")
