"""Runs Terraform on a copy of ``terraform/``, against the local AWS, with the provider from a file-system mirror."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_aws.airflow_environment import REPOSITORY
from local_aws.provision import aws_environment

MODULE = REPOSITORY / "terraform"
PLUGIN_DIR_VARIABLE = "TERRAFORM_PLUGIN_DIR"
_PROVIDER = Path("registry.terraform.io/hashicorp/aws")
_SECONDS = 900
_NOTHING_TO_DO, _SOMETHING_TO_DO = 0, 2


class TerraformMissingError(Exception):
    """Terraform or its provider is not on this machine; the message says which, and how to give it."""


class TerraformError(Exception):
    """A command of Terraform failed; the message has the end of what it said."""


@dataclass(frozen=True)
class Terraform:
    """The program and its provider.

    Attributes:
        program: Terraform.
        plugin_dir: The folder above ``registry.terraform.io``.
    """

    program: str
    plugin_dir: Path

    @classmethod
    def find(cls, version: str | None = None) -> Terraform:
        """Look for both in the usual places; the environment variable TERRAFORM_PLUGIN_DIR names another.

        Args:
            version: The provider's version; by default the one that terraform/.terraform.lock.hcl names.

        Raises:
            TerraformMissingError: One is not there.
        """
        program = shutil.which("terraform")
        if program is None:
            raise TerraformMissingError("terraform is not on the PATH: install Terraform 1.10 or newer")
        version = version or _locked_version()
        for folder in _places():
            if (folder / _PROVIDER / version).is_dir():
                return cls(program, folder)
        raise TerraformMissingError(
            f"no folder here has {_PROVIDER}/{version}: make one with `terraform providers mirror <folder>` and name "
            f"it in {PLUGIN_DIR_VARIABLE}"
        )

    def run(
        self, arguments: Sequence[str], *, folder: Path, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in a folder, with no settings of the person's own, and return how it ended."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_"))}
        own = {
            "TF_CLI_CONFIG_FILE": os.devnull,
            "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        return subprocess.run(
            [self.program, *arguments],
            cwd=folder,
            env=kept | own | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )

    def init(self, folder: Path) -> None:
        """Prepare a folder with a module.

        Raises:
            TerraformError: It failed.
        """
        _checked(
            self.run(
                ["init", "-backend=false", "-input=false", "-no-color", f"-plugin-dir={self.plugin_dir}"], folder=folder
            )
        )

    def checked_module(self, folder: Path) -> str:
        """Check the format of the module, validate a copy of it, and run its tests.

        Args:
            folder: Where the copy is made; it must not exist.

        Returns:
            How many tests there were, for a person.

        Raises:
            TerraformError: One of the three failed.
        """
        _checked(self.run(["fmt", "-check", "-recursive", "-diff"], folder=MODULE))
        shutil.copytree(MODULE, folder, ignore=shutil.ignore_patterns(".terraform", "*.tfstate*"))
        self.init(folder)
        _checked(self.run(["validate", "-no-color"], folder=folder))
        said = _checked(self.run(["test", "-no-color"], folder=folder)).stdout
        return said.strip().rpartition("\n")[2].removeprefix("Success! ")


class Deployment:
    """What Terraform makes on a local AWS, in a working copy with a state of its own.

    Args:
        terraform: The program.
        folder: Where the working copy is made; it must not exist.
        endpoint: The URL of the local AWS.
        var_files: Files of variables, the last of which wins.
    """

    def __init__(self, terraform: Terraform, folder: Path, endpoint: str, var_files: Sequence[Path]) -> None:
        self._terraform = terraform
        self._folder = folder
        # The provider's MWAA client asks api.127.0.0.1, which no resolver knows; a proxy does not resolve it.
        self._environment = aws_environment(endpoint) | {"HTTP_PROXY": endpoint, "http_proxy": endpoint}
        self._variables = [f"-var-file={file.absolute()}" for file in var_files]
        shutil.copytree(MODULE, folder, ignore=shutil.ignore_patterns(".terraform", "*.tfstate*", "tests"))
        terraform.init(folder)

    def apply(self) -> None:
        """Make what is missing and change what is different.

        Raises:
            TerraformError: It failed.
        """
        self._run("apply", "-auto-approve", *self._variables)

    def changes(self) -> list[str]:
        """Return what an apply would change, one line for each resource; nothing when all is as it should be.

        Raises:
            TerraformError: It failed.
        """
        plan = self._folder / "plan"
        self._run(
            "plan", "-detailed-exitcode", f"-out={plan}", *self._variables, good=(_NOTHING_TO_DO, _SOMETHING_TO_DO)
        )
        shown = json.loads(self._run("show", "-json", str(plan)).stdout)
        return [
            f"{'/'.join(change['change']['actions'])} {change['address']}"
            for change in shown.get("resource_changes", [])
            if change["change"]["actions"] not in (["no-op"], ["read"])
        ]

    def resources(self) -> list[str]:
        """Return the addresses of everything in the state."""
        listed = self._run("state", "list").stdout.split("\n")
        return [address for address in listed if address and not address.startswith("data.")]

    def outputs(self) -> dict[str, Any]:
        """Return the outputs by name."""
        return {name: output["value"] for name, output in json.loads(self._run("output", "-json").stdout).items()}

    def destroy(self) -> None:
        """Take everything away again.

        Raises:
            TerraformError: It failed.
        """
        self._run("destroy", "-auto-approve", *self._variables)

    def _run(self, command: str, *arguments: str, good: Sequence[int] = (0,)) -> subprocess.CompletedProcess[str]:
        options = {"apply": ["-no-color", "-input=false"], "output": ["-no-color"]}
        options |= {"plan": options["apply"], "destroy": options["apply"], "show": options["output"]}
        done = self._terraform.run(
            [command, *options.get(command, []), *arguments], folder=self._folder, environment=self._environment
        )
        return _checked(done, good)


def _checked(done: subprocess.CompletedProcess[str], good: Sequence[int] = (0,)) -> subprocess.CompletedProcess[str]:
    if done.returncode not in good:
        command = " ".join(done.args[1:3])
        said = (done.stderr or done.stdout)[-6000:]
        raise TerraformError(f"terraform {command} ended with {done.returncode}:\n{said}")
    return done


def _locked_version() -> str:
    for line in (MODULE / ".terraform.lock.hcl").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition("=")
        if name.strip() == "version":
            return value.strip().strip('"')
    raise TerraformMissingError(f"{MODULE}/.terraform.lock.hcl names no version of the provider")


def _places() -> Iterator[Path]:
    """Give the folders that may be a mirror: what the environment names, then Terraform's own and those beside."""
    for name in (PLUGIN_DIR_VARIABLE, "TF_PLUGIN_CACHE_DIR"):
        if os.environ.get(name):
            yield Path(os.environ[name])
    home = Path.home()
    yield home / ".terraform.d" / "plugins"
    yield home / ".local" / "share" / "terraform" / "plugins"
    yield Path("/usr/local/share/terraform/plugins")
    yield Path("/usr/share/terraform/plugins")
    for parent in (Path("/opt"), Path("/usr/local"), Path("/usr/share"), Path("/var/lib")):
        if parent.is_dir():
            yield from sorted(child for child in parent.iterdir() if child.is_dir())
