"""Finds Terraform and the AWS provider on this machine, and runs them on a copy of terraform/.

A copy, so that neither state nor downloads come into the checkout. The provider is taken from a folder that already has
it: nothing here asks the registry.
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

_PROVIDER = Path("registry.terraform.io/hashicorp/aws")
_LOCK_FILE = ".terraform.lock.hcl"
_NOT_COPIED = shutil.ignore_patterns(".terraform", "terraform.tfstate*", "*.tfplan", "backend.tf")
_TAIL = 4000


class TerraformNotFoundError(Exception):
    """Terraform or the AWS provider is not on this machine; the message says what was looked for and where."""


class TerraformError(Exception):
    """A Terraform command failed; the message ends with what it said last.

    Attributes:
        output: Everything that it said.
    """

    def __init__(self, message: str, output: str) -> None:
        super().__init__(message)
        self.output = output


def find_terraform() -> Path:
    """Return the program ``terraform``.

    Raises:
        TerraformNotFoundError: It is not on the PATH.
    """
    found = shutil.which("terraform")
    if found is None:
        raise TerraformNotFoundError(
            "terraform is not installed (not on the PATH): https://developer.hashicorp.com/terraform/install"
        )
    return Path(found)


def provider_version(source: Path = TERRAFORM_FILES) -> str:
    """Return the version of the AWS provider that the lock file of a folder pins."""
    found = re.search(r'hashicorp/aws" \{\s+version\s+= "([^"]+)"', (source / _LOCK_FILE).read_text(encoding="utf-8"))
    if found is None:
        raise ValueError(f"{source / _LOCK_FILE} does not pin hashicorp/aws")
    return found[1]


def find_plugins(version: str, environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder for ``terraform init -plugin-dir`` that has a version of the AWS provider.

    Args:
        version: The provider's version, such as ``5.100.0``.
        environment: Where ``TERRAFORM_PLUGIN_DIR``, ``TF_PLUGIN_CACHE_DIR`` and ``HOME`` are looked up.

    Raises:
        TerraformNotFoundError: None of the usual places has it.
    """
    for folder in _places(environment):
        if any((folder / _PROVIDER / version).glob("*/terraform-provider-aws*")):
            return folder
    raise TerraformNotFoundError(
        f"the Terraform provider hashicorp/aws {version} is in no folder of this machine: name one that has "
        f"{_PROVIDER}/{version} in TERRAFORM_PLUGIN_DIR (`terraform init` in terraform/ fills .terraform/providers)"
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
    """Return the environment variables with which Terraform deploys to the local AWS as it would to AWS.

    Args:
        endpoint: The URL of the local AWS.
    """
    # MWAA's API has the host prefix "api.", which the Go SDK puts before 127.0.0.1 too. No address has that name; but a
    # name that is not loopback's is asked for by way of the proxy, which here is the local AWS itself.
    return aws_environment(endpoint) | {"HTTP_PROXY": endpoint}


class TerraformCli:
    """Terraform on a copy of its files.

    Args:
        work: The folder of the copy; the state lies in it. What it holds of an earlier copy is overwritten.
        variables: Environment variables for Terraform, such as ``local_aws_variables``. A person's own settings of AWS,
            Terraform and proxies never reach it.
        source: The folder with the files.

    Raises:
        TerraformNotFoundError: Terraform or the provider is not on this machine.
    """

    def __init__(
        self, work: Path, *, variables: Mapping[str, str] | None = None, source: Path = TERRAFORM_FILES
    ) -> None:
        self._terraform = find_terraform()
        self._plugins = find_plugins(provider_version(source))
        self._work = work
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
            "CHECKPOINT_DISABLE": "1",  # it would ask HashiCorp for a newer version
            "TF_CLI_CONFIG_FILE": os.devnull,
            "TF_IN_AUTOMATION": "1",
            **(variables or {}),
        }
        shutil.copytree(source, work, ignore=_NOT_COPIED, dirs_exist_ok=True)

    def init(self) -> None:
        """Prepare the copy: providers, no backend. The lock file must fit."""
        self.run("init", "-backend=false", "-input=false", f"-plugin-dir={self._plugins}", "-lockfile=readonly")

    def check_format(self) -> None:
        """Fail when a file is not as ``terraform fmt`` writes it."""
        self.run("fmt", "-check", "-diff", "-recursive")

    def validate(self) -> None:
        """Check the files as far as that is possible without AWS."""
        self.run("validate")

    def test(self, *files: str) -> str:
        """Run the tests of Terraform, of these files of tests/ or of all, and return what it said."""
        return self.run("test", *(f"-filter=tests/{file}" for file in files))

    def changes(self, *options: str) -> list[str]:
        """Plan, and return what an apply would do, such as ``update aws_glue_job.curate``; nothing when all is right.

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
        """Plan, and return those outputs by name that are known before an apply."""
        planned = self._planned(options)["planned_values"].get("outputs", {})
        return {name: output["value"] for name, output in planned.items() if "value" in output}

    def _planned(self, options: Sequence[str]) -> dict[str, Any]:
        plan = self._work / "changes.tfplan"
        self.run("plan", "-input=false", f"-out={plan}", *options)
        shown: dict[str, Any] = json.loads(self._run(("show", "-json", str(plan))).stdout)
        return shown

    def apply(self, *options: str) -> str:
        """Apply without asking, and return what Terraform said."""
        return self.run("apply", "-input=false", "-auto-approve", *options)

    def destroy(self, *options: str) -> str:
        """Destroy without asking, and return what Terraform said."""
        return self.run("destroy", "-input=false", "-auto-approve", *options)

    def outputs(self) -> dict[str, Any]:
        """Return the outputs by name."""
        answer = self._run(("output", "-json"), colored=None)
        return {name: output["value"] for name, output in json.loads(answer.stdout).items()}

    def resources(self) -> list[str]:
        """Return the addresses of what the state has, without data sources."""
        listed = self._run(("state", "list"), colored=None).stdout.split("\n")
        return [address for address in listed if address and not address.startswith("data.")]

    def run(self, command: str, *options: str) -> str:
        """Run a command of Terraform and return what it said.

        Raises:
            TerraformError: It failed.
        """
        return self._run((command, *options)).stdout

    def _run(
        self, command: Sequence[str], *, allowed: Sequence[int] = (0,), colored: str | None = "-no-color"
    ) -> subprocess.CompletedProcess[str]:
        arguments = [str(self._terraform), command[0], *([colored] if colored else []), *command[1:]]
        done = subprocess.run(
            arguments,
            cwd=self._work,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode not in allowed:
            raise TerraformError(
                f"terraform {' '.join(command)} ended with {done.returncode}:\n{done.stdout[-_TAIL:]}", done.stdout
            )
        return done
