"""What MWAA's image is made of, as far as a bundle can get it wrong."""

from __future__ import annotations

import re
from pathlib import Path

AIRFLOW_VERSION = "3.3.1"
PYTHON_VERSION = (3, 12)
"""Python 3.12.13, says the image's Dockerfile (github.com/aws/amazon-mwaa-docker-images, images/airflow/3.3.1)."""

CONSTRAINTS_URL = (
    f"https://raw.githubusercontent.com/apache/airflow/constraints-{AIRFLOW_VERSION}/"
    f"constraints-{PYTHON_VERSION[0]}.{PYTHON_VERSION[1]}.txt"
)
"""The constraints that the image is built with, a copy of which MWAA applies when requirements.txt names none."""

CONSTRAINTS_FILE = f"constraints-{AIRFLOW_VERSION}.txt"
"""The same constraints in the bundle, below ``dags/``: a private web server has no way to their URL.
https://docs.aws.amazon.com/mwaa/latest/userguide/best-practices-dependencies.html keeps such a file there too."""

CONSTRAINT_LINE = re.compile(r"-c |--constraint ")
"""How MWAA looks for a constraint in requirements.txt: in each line, comments too (mwaa/utils/user_requirements.py)."""

DEPLOYED_FOLDER = "/usr/local/airflow"
"""Where the image has ``dags/`` and the contents of plugins.zip as ``plugins/``."""

OWN_MODULES = frozenset({"mwaa"})
"""Top-level modules of the image that are of no package: PYTHONPATH is /python, where they are."""

# https://docs.aws.amazon.com/mwaa/latest/userguide/configuring-dag-import-plugins.html: "less than 1 GB".
MAX_PLUGINS_BYTES = 1_000_000_000

_FOLDER = Path(__file__).parent / "mwaa"


def installed() -> dict[str, str]:
    """Return the versions of the packages that the image holds, by normalised name."""
    return pins((_FOLDER / "installed.txt").read_text())


def constraints() -> dict[str, str]:
    """Return the versions that the constraints allow of packages that the image does not hold, by normalised name."""
    return pins((_FOLDER / "constraints.txt").read_text())


def constraints_file() -> bytes:
    """Return all constraints that the image is built with, as pip reads them."""
    lines = [f"{name}=={version}\n" for name, version in sorted({**installed(), **constraints()}.items())]
    return "".join([f"# {CONSTRAINTS_URL}\n", *lines]).encode()


def pins(text: str) -> dict[str, str]:
    """Return the ``name==version`` lines of a requirements or constraints file, by normalised name."""
    lines = re.findall(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;#]+)", text, re.MULTILINE)
    return {normalised(name): version for name, version in lines}


def normalised(name: str) -> str:
    """Return a package's name as PyPI compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
