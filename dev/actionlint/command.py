"""``python -m dev actionlint``: check the GitHub workflows."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from dev.actionlint.program import ActionlintError, built_actionlint
from local_platform.checkout import REPOSITORY


def main(arguments: Sequence[str]) -> int:
    """Check all workflows with actionlint, which is built first if necessary.

    Args:
        arguments: The command line after the command.

    Returns:
        actionlint's exit code; 1 if it cannot be built.
    """
    parser = argparse.ArgumentParser(
        prog="python -m dev actionlint",
        usage="%(prog)s [options]",
        description="Check the GitHub workflows with actionlint, which is built from its Go module the first time.",
    )
    parser.add_argument("--build", action="store_true", help="only build it")
    options = parser.parse_args(arguments)
    try:
        program = built_actionlint()
    except ActionlintError as error:
        sys.stderr.write(f"actionlint: {error}\n")
        return 1
    if options.build:
        return 0
    # shellcheck checks the scripts in the workflows. pyflakes would be whichever this machine happens to have.
    shellcheck = Path(sys.prefix) / "bin" / "shellcheck"
    command = [str(program), f"-shellcheck={shellcheck}", "-pyflakes="]
    return subprocess.run(command, cwd=REPOSITORY, check=False).returncode
