"""Checks sizes: limits of AWS, and sizes that suggest that a file does not belong in the bundle."""

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
        plugins: MWAA recommends that plugins.zip is smaller than this.
        statement: Half of the Redshift Data API's limit of 200 KB for a statement, because rendering adds text.
        source: Larger than any hand-written code. MWAA has no such limit, but each container takes longer to start.
    """

    plugins: int = MAX_PLUGINS_BYTES
    statement: int = 100 * 1024
    source: int = 1024 * 1024


def check_sizes(bundle: Bundle, limits: Limits = Limits()) -> list[Finding]:
    """Check that no file exceeds a limit of AWS or the usual size of code."""
    findings = []
    plugins = len(bundle.files.get(PLUGINS, b""))
    if plugins >= limits.plugins:
        what = f"it has {plugins:,} bytes, but MWAA requires less than {limits.plugins:,}"
        findings.append(Finding(PLUGINS, what, "remove files from plugins/ that are not code"))
    for path, content in bundle.sql.items():
        if len(content) > limits.statement:
            what = f"it has {len(content):,} bytes, and the Redshift Data API refuses statements above 200 KB"
            findings.append(Finding(f"dags/sql/{path}", what, f"split it into files below {limits.statement:,} bytes"))
    sources = {f"dags/{path}": content for path, content in bundle.dags.items() if not path.startswith("sql/")}
    sources |= {f"{PLUGINS}/{path}": content for path, content in bundle.plugins.files.items()}
    sources |= {f"{GLUE_PACKAGE}/{path}": content for path, content in bundle.glue_package.files.items()}
    sources |= {GLUE_SCRIPT: bundle.files.get(GLUE_SCRIPT, b"")}
    for where, content in sources.items():
        if len(content) > limits.source:
            what = f"it has {len(content):,} bytes, which is unusual for code"
            findings.append(Finding(where, what, "store data in the lake, not in the bundle", warning=True))
    return findings
