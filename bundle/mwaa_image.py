"""The parts of MWAA's image that a bundle can conflict with."""

from __future__ import annotations

import re
from pathlib import Path

AIRFLOW_VERSION = "3.3.1"
PYTHON_VERSION = (3, 12)
"""Python 3.12.13 according to the image's Dockerfile
(github.com/aws/amazon-mwaa-docker-images, images/airflow/3.3.1)."""

CONSTRAINTS_URL = (
    f"https://raw.githubusercontent.com/apache/airflow/constraints-{AIRFLOW_VERSION}/"
    f"constraints-{PYTHON_VERSION[0]}.{PYTHON_VERSION[1]}.txt"
)
"""The constraints that the image is built with. MWAA applies a copy of them if requirements.txt has no constraint."""

CONSTRAINTS_FILE = f"constraints-{AIRFLOW_VERSION}.txt"
"""The same constraints as a file in the bundle, below ``dags/``, because a private web server cannot reach their URL.
https://docs.aws.amazon.com/mwaa/latest/userguide/best-practices-dependencies.html recommends the same location."""

CONSTRAINT_LINE = re.compile(r"-c |--constraint ")
"""The pattern that MWAA uses to find a constraint in requirements.txt. MWAA also matches comments
(mwaa/utils/user_requirements.py)."""

DEPLOYED_FOLDER = "/usr/local/airflow"
"""The folder in the image that contains ``dags/`` and the contents of plugins.zip as ``plugins/``."""

OWN_MODULES = frozenset({"mwaa"})
"""Top-level modules of the image outside all packages. They are in /python, which is the image's PYTHONPATH."""

# https://docs.aws.amazon.com/mwaa/latest/userguide/configuring-dag-import-plugins.html: "less than 1 GB".
MAX_PLUGINS_BYTES = 1_000_000_000

_FOLDER = Path(__file__).parent / "mwaa"


def installed() -> dict[str, str]:
    """Return the versions of the packages in the image, by normalized name."""
    return pins((_FOLDER / "installed.txt").read_text())


def constraints() -> dict[str, str]:
    """Return the versions that the constraints allow for packages that are not in the image, by normalized name."""
    return pins((_FOLDER / "constraints.txt").read_text())


def constraints_file() -> bytes:
    """Return all constraints that the image is built with, as a file for pip."""
    lines = [f"{name}=={version}\n" for name, version in sorted({**installed(), **constraints()}.items())]
    return "".join([f"# {CONSTRAINTS_URL}\n", *lines]).encode()


def pins(text: str) -> dict[str, str]:
    """Return the pins (``name==version``) of a requirements or constraints file, by normalized name."""
    lines = re.findall(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;#]+)", text, re.MULTILINE)
    return {normalized(name): version for name, version in lines}


def normalized(name: str) -> str:
    """Return a package's name in the form that PyPI compares (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
