"""Follows a how-to guide to the letter: writes its files, applies its edits and runs its commands in a copy."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
FOLDERS = (
    *("plugins", "glue_scripts", "dags", "sql", "docs"),
    *("bundle", "local_aws", "local_exchange", "local_platform", "dev", "tests"),
)
# "…the path of a file in backticks:", and then what to do with that file; or a command.
_BLOCK = re.compile(r"(?:`([^`\n]+)`:\n\n)?```(python|sql|diff|json|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Step:
    """One code block of a guide.

    Attributes:
        file: The file that it is about; empty for a command.
        kind: ``python`` or ``sql`` (a new file), ``diff`` (an edit), ``json`` (a setting) or ``sh`` (a command).
        text: The block.
    """

    file: str
    kind: str
    text: str


def steps(page: Path) -> list[Step]:
    """Return the steps of a guide, in its order."""
    text = page.read_text()
    found = [Step(*match) for match in _BLOCK.findall(text)]
    assert len(found) == len(re.findall(r"^```\w+$", text, re.MULTILINE)), f"a block of {page} has an unknown language"
    assert all(bool(step.file) != (step.kind == "sh") for step in found), f"a block of {page} does not name its file"
    return found


def follow(page: Path, copy: Path) -> Path:
    """Copy the repository's code to an empty folder, and do there what a guide says."""
    for name in FOLDERS:
        shutil.copytree(REPOSITORY / name, copy / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "pyproject.toml", copy)
    for step in steps(page):
        path = copy / step.file
        if step.kind in ("python", "sql"):
            assert not path.exists(), f"{step.file} exists already"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(step.text)
        elif step.kind == "diff":
            path.write_text(_edited(path.read_text(), step.text))
        elif step.kind == "sh":
            subprocess.run(["sh", "-euc", step.text], cwd=copy, check=True, timeout=60)
    return copy


def changed_files(page: Path) -> list[str]:
    """Return the files that a guide adds or edits."""
    return sorted({step.file for step in steps(page) if step.kind in ("python", "sql", "diff")})


def run_in(copy: Path, *command: str, timeout: float = 240, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the copy, with the copy's packages."""
    paths = os.pathsep.join(str(copy / folder) for folder in ("", "plugins", "glue_scripts"))
    return subprocess.run(
        [sys.executable, *command],
        cwd=copy,
        env=os.environ | {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )


def _edited(content: str, diff: str) -> str:
    """Return a file's content after an edit that has no line numbers: its old lines must be there exactly once."""
    lines = diff.splitlines()
    assert {line[:1] for line in lines} <= {" ", "-", "+"}, diff
    old, new = ("".join(line[1:] + "\n" for line in lines if line[0] in kinds) for kinds in (" -", " +"))
    assert f"\n{content}".count(f"\n{old}") == 1, f"these lines are not in the file, or not once:\n{old}"
    return content.replace(old, new)
