"""Runs a probe that can import only the bundle and the interpreter's own packages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_TIMEOUT_SECONDS = 300
# The minimum for starting an interpreter. The user's AWS_*, AIRFLOW_* and PYTHON* variables are not among them.
_INHERITED = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR", "SYSTEMROOT")
_PROBES = Path(__file__).parent


class ProbeError(Exception):
    """A probe did not finish. The message contains the end of its output."""


def run_probe(name: str, folder: Path, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Run a probe and return its result.

    ``-I`` ignores PYTHONPATH, the user's site-packages and the working folder. The sandbox is both the working folder
    and HOME. There are no AWS credentials.

    Args:
        name: The probe, a module of this package.
        folder: The sandbox with the files for the probe.
        environment: More environment variables.

    Raises:
        ProbeError: The probe failed, or did not end within five minutes.
    """
    answer = folder / f"{name}.json"
    command = [sys.executable, "-I", "-B", str(_PROBES / f"{name}.py"), str(folder), str(answer)]
    variables = {key: os.environ[key] for key in _INHERITED if key in os.environ} | {
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_DEFAULT_REGION": "us-east-1",  # MWAA sets it, and a client cannot be created without a region
        **(environment or {}),
    }
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and file
            command, cwd=folder, env=variables, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise ProbeError(f"it did not end within {_TIMEOUT_SECONDS} seconds") from None
    if done.returncode != 0 or not answer.exists():
        said = (done.stderr or done.stdout).strip()[-2000:]
        raise ProbeError(f"it ended with exit code {done.returncode} and this output: {said}")
    loaded: dict[str, Any] = json.loads(answer.read_text())
    return loaded
