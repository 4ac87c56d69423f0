"""``python -m dev.prove.terraform_check``: format, validity and rules of terraform/, without an AWS."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from dev.prove.terraform_cli import TerraformCli, TerraformError, TerraformNotFoundError


def main() -> int:
    """Check terraform/ in a copy.

    Returns:
        The process's exit code: 0 when all is right, or when Terraform or its provider is not on this machine, as the
        output says; 1 otherwise.
    """
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


if __name__ == "__main__":
    sys.exit(main())
