"""Checks that the bundle is up to date with the checkout."""

from __future__ import annotations

from collections.abc import Mapping

from bundle.preflight.finding import Finding

_TODO = "run `make bundle`"


def check_current(files: Mapping[str, bytes], built_now: Mapping[str, bytes]) -> list[Finding]:
    """Return the files that differ from a new build. To deploy an old bundle is the most likely mistake.

    Args:
        files: The bundle.
        built_now: The bundle that a build produces now.
    """
    findings = []
    for path in sorted(files.keys() | built_now.keys()):
        if path not in built_now:
            findings.append(Finding(path, "stale: the checkout no longer has it", _TODO))
        elif path not in files:
            findings.append(Finding(path, "stale: the checkout has it, the bundle does not", _TODO))
        elif files[path] != built_now[path]:
            findings.append(Finding(path, "stale: the checkout has different contents", _TODO))
    return findings
