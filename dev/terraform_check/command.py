"""``python -m dev terraform-check``: check format, validity and rules of terraform/, without AWS."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from local_platform.terraform_cli import TERRAFORM_ROOTS, TerraformCli, TerraformError, TerraformNotFoundError


def main(arguments: Sequence[str]) -> int:
    """Check copies of terraform/ and terraform/github/.

    Args:
        arguments: The command line after the command.

    Returns:
        The process's exit code: 0 if all checks pass, or if Terraform or its provider is not installed, which is
        printed; 1 otherwise.
    """
    argparse.ArgumentParser(
        prog="python -m dev terraform-check",
        usage="%(prog)s [options]",
        description="Check format, validity and rules of terraform/, without AWS.",
    ).parse_args(arguments)
    for root in TERRAFORM_ROOTS:
        with tempfile.TemporaryDirectory(prefix="terraform-check-") as folder:
            try:
                terraform = TerraformCli(Path(folder), source=root)
            except TerraformNotFoundError as reason:
                print(f"terraform/ was not checked: {reason}")
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
