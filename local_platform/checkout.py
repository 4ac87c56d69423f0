"""Where the checkout is, and how a process of this machine imports from it."""

from __future__ import annotations

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
PLUGINS = REPOSITORY / "plugins"
GLUE_SCRIPTS = REPOSITORY / "glue_scripts"


def checkout_environment() -> dict[str, str]:
    """Return this process's environment variables with a PYTHONPATH that finds the checkout's own packages.

    It is for the programs of dev/ and local_platform/. Airflow must not get it: on MWAA, Airflow finds dags/ and
    plugins/ only.
    """
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(PLUGINS)])}
