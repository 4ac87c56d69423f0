"""The checks by name, in the order of the report. All of them run, regardless of each other's findings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bundle.label import unlabelled
from bundle.preflight.bundle import Bundle, check_complete
from bundle.preflight.catalog_table import check_catalog_table
from bundle.preflight.currency import check_current
from bundle.preflight.dag_check import check_dags
from bundle.preflight.finding import Finding
from bundle.preflight.glue_check import check_glue
from bundle.preflight.imports import check_imports
from bundle.preflight.label_check import check_label
from bundle.preflight.plugins_layout import check_plugins_layout
from bundle.preflight.python_source import check_syntax
from bundle.preflight.requirements_file import check_requirements
from bundle.preflight.sizes import check_sizes
from bundle.preflight.sql_files import check_sql_files

CHECKS: Mapping[str, Callable[[Bundle], list[Finding]]] = {
    "complete": check_complete,
    "version and checksums": check_label,
    "layout of plugins.zip": check_plugins_layout,
    "requirements.txt": check_requirements,
    "Python syntax": check_syntax,
    "imports": check_imports,
    "SQL files": check_sql_files,
    "catalog table": check_catalog_table,
    "sizes": check_sizes,
    "Glue package": check_glue,
    "DAGs and plugins load": check_dags,
}
CURRENT = "built from this checkout"


@dataclass(frozen=True)
class Result:
    """The result of one check.

    Attributes:
        check: Its name.
        findings: Its findings, including warnings.
    """

    check: str
    findings: tuple[Finding, ...]

    @property
    def failed(self) -> bool:
        """Whether the bundle must not be deployed."""
        return not all(finding.warning for finding in self.findings)


def run_checks(files: Mapping[str, bytes], built_now: Mapping[str, bytes] | None) -> list[Result]:
    """Run every check.

    Args:
        files: The bundle: contents by path below its folder.
        built_now: The bundle that a build from the checkout produces now, without its label; None without a checkout.
    """
    bundle = Bundle(files)
    results = [Result(name, tuple(check(bundle))) for name, check in CHECKS.items()]
    if built_now is not None:
        results.append(Result(CURRENT, tuple(check_current(unlabelled(files), built_now))))
    return results
