"""The paths of the checkout, and the environment of processes that import from it."""

from __future__ import annotations

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
PLUGINS = REPOSITORY / "plugins"
GLUE_SCRIPTS = REPOSITORY / "glue_scripts"


def checkout_environment() -> dict[str, str]:
    """Return this process's environment variables with a PYTHONPATH that finds the checkout's packages.

    It is for the programs in dev/ and local_platform/. Airflow must not get it, because on MWAA it finds only dags/ and
    plugins/.
    """
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(PLUGINS)])}
