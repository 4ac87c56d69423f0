"""Checks the version and the checksums of the bundle."""

from __future__ import annotations

import hashlib

from bundle.label import CHECKSUMS, VERSION, read_checksums
from bundle.preflight.bundle import Bundle
from bundle.preflight.finding import Finding

_TODO = "build the bundle with `make bundle`, or unpack the release again"


def check_label(bundle: Bundle) -> list[Finding]:
    """Check that the bundle names its version, and that its files are those that were built."""
    findings = [Finding(path, "it is missing", _TODO) for path in (VERSION, CHECKSUMS) if path not in bundle.files]
    if VERSION in bundle.files and not bundle.files[VERSION].strip():
        findings.append(Finding(VERSION, "it is empty", _TODO))
    if CHECKSUMS not in bundle.files:
        return findings
    listed = read_checksums(bundle.files[CHECKSUMS].decode("utf-8", "replace"))
    present = {path: content for path, content in bundle.files.items() if path != CHECKSUMS}
    for path in sorted(listed.keys() | present.keys()):
        if path not in present:
            findings.append(Finding(path, f"{CHECKSUMS} lists it, but it is missing", _TODO))
        elif path not in listed:
            findings.append(Finding(path, f"{CHECKSUMS} does not list it", _TODO))
        elif hashlib.sha256(present[path]).hexdigest() != listed[path]:
            findings.append(Finding(path, f"its contents differ from its checksum in {CHECKSUMS}", _TODO))
    return findings
