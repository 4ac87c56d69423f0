"""Finds Terraform and the AWS provider on this machine, and runs them on a copy of terraform/.

The copy keeps state and downloads out of the checkout. The provider comes from a local folder, never from the registry.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from local_aws.clients import aws_environment
from local_platform.checkout import REPOSITORY

TERRAFORM_FILES = REPOSITORY / "terraform"
GITHUB_FILES = TERRAFORM_FILES / "github"
"""The roles of GitHub's workflows. It has a state of its own."""
TERRAFORM_ROOTS = (TERRAFORM_FILES, GITHUB_FILES)

_PROVIDER = Path("registry.terraform.io/hashicorp/aws")
_LOCK_FILE = ".terraform.lock.hcl"
_NOT_COPIED = shutil.ignore_patterns(
    ".terraform", "terraform.tfstate*", "*.tfplan", "backend.tf", "terraform.tfvars*", "*.auto.tfvars*"
)
_TAIL = 4000


class TerraformNotFoundError(Exception):
    """Terraform or the AWS provider is not installed; the message names what is missing."""


class TerraformError(Exception):
    """A Terraform command failed; the message has the end of its output.

    Attributes:
        output: The full output.
    """

    def __init__(self, message: str, output: str) -> None:
        super().__init__(message)
        self.output = output


def find_terraform() -> Path:
    """Return the path of the program ``terraform``.

    Raises:
        TerraformNotFoundError: The program is not on the PATH.
    """
    found = shutil.which("terraform")
    if found is None:
        raise TerraformNotFoundError(
            "terraform is not installed (not on the PATH): https://developer.hashicorp.com/terraform/install"
        )
    return Path(found)


def provider_version(source: Path = TERRAFORM_FILES) -> str:
    """Return the version of the AWS provider in the lock file of a folder."""
    found = re.search(r'hashicorp/aws" \{\s+version\s+= "([^"]+)"', (source / _LOCK_FILE).read_text(encoding="utf-8"))
    if found is None:
        raise ValueError(f"{source / _LOCK_FILE} does not pin hashicorp/aws")
    return found[1]


def find_plugins(version: str, environment: Mapping[str, str] = os.environ) -> Path:
    """Return a folder for ``terraform init -plugin-dir`` that has the given version of the AWS provider.

    Args:
        version: The provider's version, such as ``5.100.0``.
        environment: The variables with ``TERRAFORM_PLUGIN_DIR``, ``TF_PLUGIN_CACHE_DIR`` and ``HOME``.

    Raises:
        TerraformNotFoundError: None of the usual folders has it.
    """
    for folder in _places(environment):
        if any((folder / _PROVIDER / version).glob("*/terraform-provider-aws*")):
            return folder
    raise TerraformNotFoundError(
        f"the Terraform provider hashicorp/aws {version} is not installed: set TERRAFORM_PLUGIN_DIR to a folder "
        f"with {_PROVIDER}/{version} (`terraform init` in terraform/ creates one, .terraform/providers)"
    )


def _places(environment: Mapping[str, str]) -> Iterator[Path]:
    for name in ("TERRAFORM_PLUGIN_DIR", "TF_PLUGIN_CACHE_DIR"):
        if environment.get(name):
            yield Path(environment[name])
    if environment.get("HOME"):
        yield Path(environment["HOME"]) / ".terraform.d" / "plugins"
        yield Path(environment["HOME"]) / ".terraform.d" / "plugin-cache"
    yield Path("/usr/share/terraform/plugins")
    yield Path("/usr/local/share/terraform/plugins")
    yield from sorted(Path("/opt").glob("*"))
    yield from sorted(Path("/opt").glob("*/*"))


def local_aws_variables(endpoint: str) -> dict[str, str]:
    """Return the environment variables that make Terraform deploy to the local AWS.

    Args:
        endpoint: The URL of the local AWS.
    """
    # MWAA's API has the host prefix "api.", which the Go SDK also puts before 127.0.0.1. That name does not resolve.
    # But requests to names other than loopback go through the proxy, and here the proxy is the local AWS.
    return aws_environment(endpoint) | {"HTTP_PROXY": endpoint}


class TerraformCli:
    """Terraform on a copy of its files.

    Args:
        folder: The folder of the copy and of the state. Files of an earlier copy are overwritten.
        variables: Environment variables for Terraform, such as ``local_aws_variables``. The user's settings for AWS,
            Terraform and proxies are not passed on.
        source: The folder with the Terraform files.

    Attributes:
        folder: The folder of the copy.

    Raises:
        TerraformNotFoundError: Terraform or the provider is not installed.
    """

    def __init__(
        self, folder: Path, *, variables: Mapping[str, str] | None = None, source: Path = TERRAFORM_FILES
    ) -> None:
        self._terraform = find_terraform()
        self._plugins = find_plugins(provider_version(source))
        self.folder = folder
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AWS_", "TF_")) and not name.lower().endswith("_proxy")
        }
        self._environment = {
            **kept,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "CHECKPOINT_DISABLE": "1",  # do not ask HashiCorp for newer versions
            "TF_CLI_CONFIG_FILE": os.devnull,
            "TF_IN_AUTOMATION": "1",
            **(variables or {}),
        }
        shutil.copytree(source, folder, ignore=_NOT_COPIED, dirs_exist_ok=True)

    def init(self) -> None:
        """Initialize the copy with the provider and without a backend. The lock file must match."""
        self.run("init", "-backend=false", "-input=false", f"-plugin-dir={self._plugins}", "-lockfile=readonly")

    def check_format(self) -> None:
        """Fail if a file is not formatted by ``terraform fmt``."""
        self.run("fmt", "-check", "-diff", "-recursive")

    def validate(self) -> None:
        """Validate the files without AWS."""
        self.run("validate")

    def test(self, *files: str) -> str:
        """Run the Terraform tests, all of them or only those in some files of tests/, and return the output."""
        return self.run("test", *(f"-filter=tests/{file}" for file in files))

    def changes(self, *options: str) -> list[str]:
        """Plan, and return the changes, such as ``update aws_glue_job.curate``; empty if there are none.

        Args:
            options: Options of ``terraform plan``, such as ``-var-file=environments/dev.tfvars``.
        """
        plan = self._planned(options)
        return [
            f"{' and '.join(change['change']['actions'])} {change['address']}"
            for change in plan.get("resource_changes", [])
            if change["change"]["actions"] not in (["no-op"], ["read"])
        ] + [
            f"{' and '.join(change['actions'])} output {name}"
            for name, change in plan.get("output_changes", {}).items()
            if change["actions"] != ["no-op"]
        ]

    def planned_outputs(self, *options: str) -> dict[str, Any]:
        """Plan, and return the outputs that are known before an apply, by name."""
        planned = self._planned(options)["planned_values"].get("outputs", {})
        return {name: output["value"] for name, output in planned.items() if "value" in output}

    def planned_resources(self, *options: str) -> dict[str, Any]:
        """Plan, and return the values of the resources that are known before an apply, by address."""
        resources = self._planned(options)["planned_values"]["root_module"]["resources"]
        return {resource["address"]: resource["values"] for resource in resources if "values" in resource}

    def _planned(self, options: Sequence[str]) -> dict[str, Any]:
        plan = self.folder / "changes.tfplan"
        self.run("plan", "-input=false", f"-out={plan}", *options)
        shown: dict[str, Any] = json.loads(self._run(("show", "-json", str(plan))).stdout)
        return shown

    def apply(self, *options: str) -> str:
        """Apply without confirmation, and return the output."""
        return self.run("apply", "-input=false", "-auto-approve", *options)

    def destroy(self, *options: str) -> str:
        """Destroy without confirmation, and return the output."""
        return self.run("destroy", "-input=false", "-auto-approve", *options)

    def outputs(self) -> dict[str, Any]:
        """Return the outputs by name."""
        shown = self._run(("output", "-json"), colored=None)
        return {name: output["value"] for name, output in json.loads(shown.stdout).items()}

    def resources(self) -> list[str]:
        """Return the addresses of the resources in the state, without data sources."""
        listed = self._run(("state", "list"), colored=None).stdout.split("\n")
        return [address for address in listed if address and not address.startswith("data.")]

    def run(self, command: str, *options: str) -> str:
        """Run a Terraform command and return its output.

        Raises:
            TerraformError: The command failed.
        """
        return self._run((command, *options)).stdout

    def _run(
        self, command: Sequence[str], *, allowed: Sequence[int] = (0,), colored: str | None = "-no-color"
    ) -> subprocess.CompletedProcess[str]:
        arguments = [str(self._terraform), command[0], *([colored] if colored else []), *command[1:]]
        done = subprocess.run(
            arguments,
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode not in allowed:
            raise TerraformError(
                f"terraform {' '.join(command)} exited with {done.returncode}:\n{done.stdout[-_TAIL:]}", done.stdout
            )
        return done
