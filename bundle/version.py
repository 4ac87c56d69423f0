"""The version of a bundle. It comes from the git tags of the checkout, such as ``v1.2.3``."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from bundle.source_files import belongs

UNKNOWN = "0.0.0+unknown"
"""The version of a bundle whose checkout has no git history, such as an unpacked archive."""

RELEASE = re.compile(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?")
"""The version of a tagged commit. All others have a ``+``: https://semver.org/#spec-item-10."""

_DEPLOYED = ("dags", "plugins", "glue_scripts", "sql", "requirements.txt")
"""Files and folders of the checkout that the bundle is built from."""

_DESCRIBED = re.compile(r"(?:v(?P<tag>.+)-(?P<commits>\d+)-g)?(?P<commit>[0-9a-f]{7,40})(?P<dirty>-dirty)?")


def checkout_version(checkout: Path) -> str:
    """Return the version of a checkout.

    Args:
        checkout: The repository's folder.

    Returns:
        ``1.2.3`` for a clean checkout of the tag ``v1.2.3``; ``1.2.3+4.gabc1234`` four commits after it;
        ``0.0.0+gabc1234`` without a tag. ``.dirty`` is appended if files differ from the commit, or if the bundle has
        files that the commit does not have. ``UNKNOWN`` if git or its history is missing.
    """
    # --long and a length of 12: the result does not depend on how many objects a clone has.
    described = _git(checkout, "describe", "--tags", "--match=v[0-9]*", "--long", "--abbrev=12", "--always", "--dirty")
    # `git describe` does not look at untracked files. This lists them, including those that .gitignore names.
    untracked = _git(checkout, "ls-files", "--others", "-z", "--", *_DEPLOYED)
    if described is None or untracked is None:
        return UNKNOWN
    described = described.strip()
    if any(all(map(belongs, path.split("/"))) for path in untracked.split("\0") if path):
        described = f"{described.removesuffix('-dirty')}-dirty"
    return version_of(described)


def _git(checkout: Path, *arguments: str) -> str | None:
    """Return the output of a git command; None if it fails or git is missing."""
    command = ["git", *arguments]
    try:
        done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)  # noqa: S603
    except OSError:
        return None
    return None if done.returncode else done.stdout


def version_of(described: str) -> str:
    """Return the version for the output of ``git describe --tags --long --always --dirty``."""
    found = _DESCRIBED.fullmatch(described)
    if found is None:
        return UNKNOWN
    tag, commits, dirty = found["tag"] or "0.0.0", int(found["commits"] or 1), bool(found["dirty"])
    if commits == 0 and not dirty:
        return tag
    parts = [*([str(commits)] if found["tag"] else []), f"g{found['commit']}", *(["dirty"] if dirty else [])]
    return f"{tag}{'.' if '+' in tag else '+'}{'.'.join(parts)}"
