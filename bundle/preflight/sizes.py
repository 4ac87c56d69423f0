"""Sizes: what AWS refuses, and what is a sign that something is in the bundle that does not belong there."""

from __future__ import annotations

from dataclasses import dataclass

from bundle.contents import GLUE_PACKAGE, GLUE_SCRIPT, PLUGINS
from bundle.mwaa_image import MAX_PLUGINS_BYTES
from bundle.preflight.bundle import Bundle
from bundle.preflight.finding import Finding


@dataclass(frozen=True)
class Limits:
    """Sizes in bytes.

    Attributes:
        plugins: What MWAA advises plugins.zip to be below.
        statement: The longest statement that the Redshift Data API takes is 200 KB; half of it leaves room for what
            is rendered into a file.
        source: Hand-written code is smaller. MWAA has no such limit: each start of a container takes longer.
    """

    plugins: int = MAX_PLUGINS_BYTES
    statement: int = 100 * 1024
    source: int = 1024 * 1024


def check_sizes(bundle: Bundle, limits: Limits = Limits()) -> list[Finding]:
    """Nothing is larger than AWS takes, or than code is."""
    findings = []
    plugins = len(bundle.files.get(PLUGINS, b""))
    if plugins >= limits.plugins:
        what = f"it has {plugins:,} bytes; MWAA wants it below {limits.plugins:,}"
        findings.append(Finding(PLUGINS, what, "take out of plugins/ what is no code"))
    for path, content in bundle.sql.items():
        if len(content) > limits.statement:
            what = f"it has {len(content):,} bytes, and the Redshift Data API takes no statement of 200 KB"
            findings.append(Finding(f"dags/sql/{path}", what, f"split it into files below {limits.statement:,} bytes"))
    sources = {f"dags/{path}": content for path, content in bundle.dags.items() if not path.startswith("sql/")}
    sources |= {f"{PLUGINS}/{path}": content for path, content in bundle.plugins.files.items()}
    sources |= {f"{GLUE_PACKAGE}/{path}": content for path, content in bundle.glue_package.files.items()}
    sources |= {GLUE_SCRIPT: bundle.files.get(GLUE_SCRIPT, b"")}
    for where, content in sources.items():
        if len(content) > limits.source:
            what = f"it has {len(content):,} bytes: is it code?"
            findings.append(Finding(where, what, "put data into the lake, not into the bundle", warning=True))
    return findings
