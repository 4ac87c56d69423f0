"""Runs programs of third parties in environments of their own, and compares what they print."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from local_aws.conformance.example_files import FOLDER, ClientCheck
from local_aws.conformance.outcome import Finding, Outcome, is_own_refusal
from local_aws.conformance.target import Target

_CLIENTS = FOLDER / "clients"
_INSTALL_SECONDS = 600
_CHECK_SECONDS = 300
_NOT_AVAILABLE = 77  # exit code of a check that the target does not offer, as in Automake
_END_OF_OUTPUT = 600  # characters


def default_folder() -> Path:
    """Return the cache folder of the environments."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "local-aws-conformance"


def run_clients(
    target: Target, checks: Sequence[ClientCheck], folder: Path, *, skips_allowed: bool = False
) -> Iterator[Finding]:
    """Create the environments in parallel, and run the checks one after the other.

    Args:
        target: Where the clients connect to.
        checks: The checks.
        folder: The folder of the environments. An environment stays until its lock file changes.
        skips_allowed: Whether a run against the emulator passes although a check cannot run.
    """
    names = list(dict.fromkeys(check.area for check in checks))
    with ThreadPoolExecutor() as pool:
        problems = dict(zip(names, pool.map(lambda name: _install(name, folder), names), strict=True))
    for check in checks:
        if problems[check.area]:
            outcome, detail, surprising = Outcome.SKIPPED, problems[check.area], False
        else:
            outcome, detail, surprising = _outcome(check, target, _environment_folder(check.area, folder))
        if outcome is Outcome.SKIPPED:
            surprising = target.emulated and not skips_allowed
        yield Finding("Clients", check.area, check.name, check.source, outcome, detail, surprising)


def _environment_folder(name: str, folder: Path) -> Path:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    lock = hashlib.sha256((_CLIENTS / f"{name}.lock").read_bytes() + version.encode()).hexdigest()
    return folder / f"{name}-{lock[:12]}"


def _install(name: str, folder: Path) -> str:
    """Create an environment if it is missing; return why it cannot be created, or an empty text."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("w") as held:  # another run may create it, too
        fcntl.flock(held, fcntl.LOCK_EX)
        return _installed(name, _environment_folder(name, folder))


def _installed(name: str, environment: Path) -> str:
    complete = environment / "complete"
    if complete.exists():
        return ""
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if uv is None:
        return "uv is not installed"
    lock = str(_CLIENTS / f"{name}.lock")
    commands = (
        [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(environment)],
        [uv, "pip", "sync", "--quiet", "--require-hashes", "--python", str(environment), lock],
    )
    for command in commands:
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            return f"its packages were not installed within {_INSTALL_SECONDS} seconds"
        if done.returncode:
            return f"its packages cannot be installed: {done.stderr.strip()[-300:]}"
    complete.touch()
    return ""


def _outcome(check: ClientCheck, target: Target, environment: Path) -> tuple[Outcome, str, bool]:
    command = [str(environment / "bin" / "python"), str(_CLIENTS / check.script), *check.arguments]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=_CHECK_SECONDS,
            check=False,
            env=_variables(target, environment),
        )
    except subprocess.TimeoutExpired:
        return Outcome.WRONG, f"it did not end within {_CHECK_SECONDS} seconds", False
    if done.returncode == _NOT_AVAILABLE:
        return Outcome.SKIPPED, done.stdout.strip(), False
    if done.returncode == 0 and done.stdout.split() == check.output.split():
        unneeded = bool(check.refused) and target.emulated
        return Outcome.RIGHT, "it is marked as refused, but is not" if unneeded else "", unneeded
    found = (done.stdout + done.stderr).strip()[-_END_OF_OUTPUT:]
    if done.returncode and target.emulated and is_own_refusal(found):
        return Outcome.REFUSED, found, not check.refused
    return Outcome.WRONG, f"expected {check.output.strip()!r}, found {found!r}", False


def _variables(target: Target, environment: Path) -> Mapping[str, str]:
    port = {} if target.warehouse_port is None else {"CONFORMANCE_WAREHOUSE_PORT": str(target.warehouse_port)}
    return {
        **{name: value for name, value in target.environment.items() if not name.startswith(("PYTHON", "AIRFLOW_"))},
        **{f"CONFORMANCE_{name.upper()}": value for name, value in target.values.items()},
        **port,
        "CONFORMANCE_SECRET_ARN": target.secret_arn,
        "PATH": f"{environment / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
    }
