"""terraform/ and terraform/github/ are formatted and valid, and their tests pass.

Skipped if Terraform or the AWS provider is missing.
"""

import re
import shutil
import subprocess

import pytest

from local_platform.checkout import REPOSITORY
from local_platform.terraform_cli import TERRAFORM_ROOTS, TerraformCli, TerraformNotFoundError

TESTS = [path for root in TERRAFORM_ROOTS for path in sorted((root / "tests").glob("*.tftest.hcl"))]


def name(path):
    return str(path.relative_to(REPOSITORY))


@pytest.fixture(scope="module")
def terraforms(starts_terraform, tmp_path_factory):
    """Terraform on a copy of each root, by the root's folder."""
    try:
        found = {root: TerraformCli(tmp_path_factory.mktemp("terraform"), source=root) for root in TERRAFORM_ROOTS}
    except TerraformNotFoundError as reason:
        pytest.skip(str(reason))
    for cli in found.values():
        cli.init()
    return found


@pytest.mark.parametrize("root", TERRAFORM_ROOTS, ids=name)
def test_the_files_are_formatted(terraforms, root):
    terraforms[root].check_format()


@pytest.mark.parametrize("root", TERRAFORM_ROOTS, ids=name)
def test_the_files_are_valid(terraforms, root):
    terraforms[root].validate()


@pytest.fixture(scope="module")
def tested(terraforms):
    """The output of `terraform test`, of all files at once: each start of Terraform takes seconds."""
    return {root: cli.test() for root, cli in terraforms.items()}


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("path", TESTS, ids=name)
def test_terraforms_own_tests_pass(tested, path):
    runs = re.findall(r'^run "(\w+)"', path.read_text(), re.MULTILINE)
    output = tested[path.parent.parent]
    begins = rf"^tests/{re.escape(path.name)}\.\.\. in progress$"
    shown = re.search(rf"{begins}(.*?)^tests/\S+\.\.\. pass$", output, re.MULTILINE | re.DOTALL)
    assert shown, output
    assert runs
    assert re.findall(r'^ *run "(\w+)"\.\.\. pass$', shown[1], re.MULTILINE) == runs


@pytest.mark.parametrize("root", TERRAFORM_ROOTS, ids=name)
def test_each_validation_rule_has_a_test_that_violates_it(root):
    """Each variable has at least as many runs that expect a failure as it has rules. Needs no Terraform."""
    variables = (root / "variables.tf").read_text()
    tests = (root / "tests" / "variables.tftest.hcl").read_text()
    for variable, block in re.findall(r'^variable "(\w+)" \{\n(.*?)^\}', variables, re.MULTILINE | re.DOTALL):
        rules = len(re.findall(r"^  validation \{", block, re.MULTILINE))
        assert tests.count(f"expect_failures = [var.{variable}]") >= rules, variable
        assert re.search(r'^  description = ".+\."$', block, re.MULTILINE), variable


def test_files_that_users_and_terraform_create_are_not_committed(tmp_path):
    created = (
        "terraform/.terraform/providers/x",
        "terraform/backend.tf",
        "terraform/terraform.tfstate",
        "terraform/github/.terraform/providers/x",
        "terraform/github/backend.tf",
        "terraform/github/terraform.tfstate",
        "terraform/github/terraform.tfvars",
    )
    committed = ("terraform/.terraform.lock.hcl", "terraform/backend.tf.example", "terraform/environments/dev.tfvars")
    shutil.copy(REPOSITORY / ".gitignore", tmp_path)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    command = ["git", "-c", "core.excludesFile=", "check-ignore", *created, *committed]
    ignored = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout.splitlines()
    assert ignored == list(created)


def test_the_boundary_allows_the_actions_that_the_platforms_roles_have():
    """A new permission in iam.tf has no effect on AWS until the boundary has it, too."""

    def actions(path):
        lists = re.findall(r"actions\s+= \[(.*?)\]", path.read_text(), re.DOTALL)
        return {action for each in lists for action in re.findall(r'"([^"]+)"', each)}

    platform, github = TERRAFORM_ROOTS
    assert actions(github / "boundary.tf") == actions(platform / "iam.tf") - {"sts:AssumeRole"}
