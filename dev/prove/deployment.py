"""The deployment that proves what an apply role of GitHub may do: its two applies need each of the role's actions.

The first changes what a release or a pull request can change. The second reverts it, so that what was created is
deleted, and what was deleted is created.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from local_platform.terraform_cli import TerraformCli

BEFORE: Mapping[str, Any] = {
    "mwaa": {"max_workers": 2},
    "redshift": {"max_capacity": 16},
    "glue": {"workers": 2},
    "alarm_emails": ["first@example.com"],
    "monthly_budget_usd": 100,
    "athena": {"scan_limit_gb": 1},
    "runbook_url": "https://example.com/runbook",
}
AFTER: Mapping[str, Any] = {
    "mwaa": {"max_workers": 6},
    "redshift": {"max_capacity": 24},
    "glue": {"workers": 3},
    "alarm_emails": ["second@example.com"],
    "monthly_budget_usd": None,
    "athena": {"scan_limit_gb": 2},
    "runbook_url": "https://example.com/newer",
}
NEW_SOURCE: Mapping[str, Mapping[str, Any]] = {"another": {"symbols": ["ethereum"], "connection_id": "another"}}

_CHANGED_DAG = "dags/crypto_prices_daily.py"
_REMOVED_FILE = "dags/sql/queries/rows_by_day.sql"
_CATALOG_TABLE = "catalog_table.json"
_QUERY = "daily_closes"
_ALARM = "aws_cloudwatch_metric_alarm.this"
_EXPECTED = frozenset(
    {
        f'create {_ALARM}["stale-another"]',
        'create aws_secretsmanager_secret.connection["another"]',
        'create aws_sns_topic_subscription.email["second@example.com"]',
        'delete aws_sns_topic_subscription.email["first@example.com"]',
        "delete aws_budgets_budget.monthly[0]",
        f'delete aws_s3_object.bundle["{_REMOVED_FILE}"]',
        f'delete and create aws_athena_named_query.this["{_QUERY}"]',
        "update aws_athena_workgroup.this[0]",
        "update aws_cloudwatch_dashboard.this",
        "update aws_cloudwatch_event_target.glue_failed",
        "update aws_glue_catalog_table.crypto_prices",
        "update aws_glue_job.curate",
        "update aws_iam_role_policy.mwaa",
        "update aws_mwaa_environment.this",
        "update aws_redshiftserverless_workgroup.this",
        f'update aws_s3_object.bundle["{_CATALOG_TABLE}"]',
        f'update aws_s3_object.bundle["{_CHANGED_DAG}"]',
        "update aws_s3_object.choices",
        "delete and create aws_secretsmanager_secret_version.settings",
        "update output api_key_commands",
        "update output estimated_cost_usd",
    }
)
_OPPOSITE = {"create": "delete", "delete": "create"}

NOT_IN_THIS_DEPLOYMENT: Mapping[str, str] = {
    "s3:DeleteObject": "removes the lock of the state, which is a file here",
    "secretsmanager:UpdateSecretVersionStage": "removes the label of the settings that Terraform wrote last, if a "
    "person has changed them since",
}
"""Actions of an apply role that these two applies do not need, with the reasons."""


class UnexpectedPlanError(Exception):
    """A plan has other changes than expected; the message lists both."""


def deploy(terraform: TerraformCli, options: Sequence[str], variables: Path, bundle: Path) -> int:
    """Apply the change and its reversal.

    Args:
        terraform: Terraform on the platform that was applied with ``BEFORE``.
        options: The options that name the variables.
        variables: The JSON file with the variables.
        bundle: The folder of the bundle.

    Returns:
        The number of changes of the first apply.

    Raises:
        UnexpectedPlanError: A plan differs from the expected one, or is not empty after an apply.
        TerraformError: Terraform failed.
    """
    before = json.loads(variables.read_text(encoding="utf-8"))
    contents = {name: (bundle / name).read_bytes() for name in (_CHANGED_DAG, _REMOVED_FILE, _CATALOG_TABLE)}
    query = terraform.folder / "athena" / f"{_QUERY}.sql"
    query_text = query.read_bytes()
    expected = _EXPECTED | {f"update {address}" for address in terraform.resources() if address.startswith(_ALARM)}

    sources = {**before["sources"], **NEW_SOURCE}
    variables.write_text(json.dumps({**before, **AFTER, "sources": sources}), encoding="utf-8")
    (bundle / _CHANGED_DAG).write_bytes(contents[_CHANGED_DAG] + b"# changed\n")
    (bundle / _REMOVED_FILE).unlink()
    table = json.loads(contents[_CATALOG_TABLE])
    (bundle / _CATALOG_TABLE).write_text(json.dumps({**table, "description": "changed"}), encoding="utf-8")
    query.write_bytes(query_text + b"-- changed\n")
    _apply(terraform, options, expected)

    variables.write_text(json.dumps(before), encoding="utf-8")
    for name, content in contents.items():
        (bundle / name).write_bytes(content)
    query.write_bytes(query_text)
    _apply(terraform, options, reverted(expected))
    return len(expected)


def reverted(changes: Iterable[str]) -> set[str]:
    """Return the changes of the opposite plan: what was created is deleted, and the other way round."""
    found = set()
    for change in changes:
        actions, _, rest = change.partition(" ")
        found.add(change if rest.startswith("and ") else f"{_OPPOSITE.get(actions, actions)} {rest}")
    return found


def _apply(terraform: TerraformCli, options: Sequence[str], expected: Iterable[str]) -> None:
    require_plan(terraform.changes(*options), expected)
    terraform.apply(*options)
    require_plan(terraform.changes(*options), ())


def require_plan(planned: Iterable[str], expected: Iterable[str]) -> None:
    """Check that a plan has exactly the expected changes.

    Raises:
        UnexpectedPlanError: It has others, or lacks some.
    """
    found, wanted = set(planned), set(expected)
    if found != wanted:
        more, missing = sorted(found - wanted), sorted(wanted - found)
        raise UnexpectedPlanError(f"unexpected changes: {more or 'none'}; missing changes: {missing or 'none'}")
