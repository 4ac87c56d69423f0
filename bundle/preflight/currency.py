"""Whether the bundle is what the checkout would give now."""

from __future__ import annotations

from collections.abc import Mapping

from bundle.preflight.finding import Finding

_TODO = "run `make bundle`"


def check_current(files: Mapping[str, bytes], built_now: Mapping[str, bytes]) -> list[Finding]:
    """Say which files differ from the checkout's: to deploy an old bundle is the likeliest mistake.

    Args:
        files: The bundle.
        built_now: What a build gives now.
    """
    findings = []
    for path in sorted(files.keys() | built_now.keys()):
        if path not in built_now:
            findings.append(Finding(path, "stale: the checkout has it no more", _TODO))
        elif path not in files:
            findings.append(Finding(path, "stale: the checkout has it, the bundle does not", _TODO))
        elif files[path] != built_now[path]:
            findings.append(Finding(path, "stale: the checkout has other contents", _TODO))
    return findings
