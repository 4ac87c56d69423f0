"""The digests of the deployed DAGs and plugins, and the rules in force, for the load log."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from crypto_prices_contract.code_digest import code_digest, code_files

from crypto_prices.settings import Settings

_PLUGINS = Path(__file__).parents[1]


def dags_digest(dag: Any) -> str:
    """Return the digest of this platform's DAG files and of ``sql/``, without other DAGs of the environment.

    Args:
        dag: The running DAG.
    """
    return _dags_digest(Path(dag.fileloc).parent)


@cache
def _dags_digest(folder: Path) -> str:
    dags = {path.name: path.read_bytes() for path in folder.glob("crypto_prices_*.py")}
    return code_digest(dags | code_files(folder / "sql", (".sql", ".jinja")))


@cache
def plugins_digest() -> str:
    """Return the digest of the packages of ``plugins/`` that run in Airflow."""
    packages = [code_files(_PLUGINS / name) for name in ("crypto_prices", "crypto_prices_contract")]
    module = "crypto_prices_plugin.py"
    return code_digest({module: (_PLUGINS / module).read_bytes()} | packages[0] | packages[1])


def rules_in_force(settings: Settings) -> str:
    """Return the configuration of the quality rules as JSON, with sorted keys: a replay writes the same text.

    Row rules with their default actions are left out.
    """
    rules = settings.rules
    return json.dumps(
        {
            "max_rejected_share": settings.max_rejected_share,
            "row_rules": dict(rules.row_rules),
            "market_rules": {
                name: {"action": rule.action, "threshold": rule.threshold} for name, rule in rules.market_rules.items()
            },
        },
        sort_keys=True,
    )
