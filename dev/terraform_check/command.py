"""``python -m dev terraform-check``: format, validity and rules of terraform/, without an AWS."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from local_platform.terraform_cli import TerraformCli, TerraformError, TerraformNotFoundError


def main(arguments: Sequence[str]) -> int:
    """Check terraform/ in a copy.

    Args:
        arguments: The command line after the command.

    Returns:
        The process's exit code: 0 when all is right, or when Terraform or its provider is not on this machine, as the
        output says; 1 otherwise.
    """
    argparse.ArgumentParser(
        prog="python -m dev terraform-check",
        description="Check format, validity and rules of terraform/, without an AWS.",
    ).parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="terraform-check-") as folder:
        try:
            terraform = TerraformCli(Path(folder))
        except TerraformNotFoundError as reason:
            print(f"terraform/ is not checked: {reason}")
            return 0
        try:
            terraform.check_format()
            terraform.init()
            terraform.validate()
            print(terraform.test())
        except TerraformError as error:
            sys.stderr.write(f"{error.output}\n{str(error).splitlines()[0]}\n")
            return 1
    return 0
