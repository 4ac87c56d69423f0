"""A fake terraform program and a fake AWS provider for tests of code that runs Terraform."""

import os

# Records its arguments in the file calls of its working directory. Ends with the exit code of a last argument -exit=N.
PROGRAM = """#!/bin/sh
echo "$*" >>calls
case "$1" in output) echo '{"name": {"value": "crypto"}}'; exit;; esac
case "$1" in show) cat plan.json; exit;; esac
case "$1" in state) printf 'aws_vpc.this\\ndata.aws_region.current\\n'; exit;; esac
echo "args: $*"; env | sort
for last; do :; done
case "$last" in -exit=*) exit "${last#-exit=}";; esac
"""


def install_fake_terraform(folder, monkeypatch, program=PROGRAM, version="1.2.3"):
    """Put a terraform program first on the PATH, and a provider into TERRAFORM_PLUGIN_DIR."""
    path = folder / "bin" / "terraform"
    path.parent.mkdir()
    path.write_text(program)
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{path.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("TERRAFORM_PLUGIN_DIR", str(plugin_folder(folder / "plugins", version)))


def plugin_folder(folder, version="1.2.3"):
    """Create a folder that holds a version of the AWS provider, and return it."""
    provider = folder / "registry.terraform.io/hashicorp/aws" / version / "linux_amd64"
    provider.mkdir(parents=True)
    (provider / f"terraform-provider-aws_v{version}").touch()
    return folder
