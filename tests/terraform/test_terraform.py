"""terraform/ is formatted and valid, and its tests pass. Skipped if Terraform or the AWS provider is missing."""

import re

import pytest

from local_platform.terraform_cli import TERRAFORM_FILES, TerraformCli, TerraformNotFoundError


@pytest.fixture(scope="module")
def terraform(starts_terraform, tmp_path_factory):
    try:
        cli = TerraformCli(tmp_path_factory.mktemp("terraform"))
    except TerraformNotFoundError as reason:
        pytest.skip(str(reason))
    cli.init()
    return cli


def test_the_files_are_formatted(terraform):
    terraform.check_format()


def test_the_files_are_valid(terraform):
    terraform.validate()


@pytest.fixture(scope="module")
def tested(terraform):
    """The output of `terraform test`, of all files at once: each start of Terraform takes seconds."""
    return terraform.test()


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("file", sorted(path.name for path in (TERRAFORM_FILES / "tests").glob("*.tftest.hcl")))
def test_terraforms_own_tests_pass(tested, file):
    runs = re.findall(r'^run "(\w+)"', (TERRAFORM_FILES / "tests" / file).read_text(), re.MULTILINE)
    shown = re.search(rf"^tests/{re.escape(file)}\.\.\. in progress$(.*?)^tests/\S+\.\.\. pass$", tested, re.M | re.S)
    assert shown, tested
    assert runs
    assert re.findall(r'^ *run "(\w+)"\.\.\. pass$', shown[1], re.MULTILINE) == runs


def test_each_validation_rule_has_a_test_that_violates_it():
    """Each variable has at least as many runs that expect a failure as it has rules. Needs no Terraform."""
    variables = (TERRAFORM_FILES / "variables.tf").read_text()
    tests = (TERRAFORM_FILES / "tests" / "variables.tftest.hcl").read_text()
    for name, block in re.findall(r'^variable "(\w+)" \{\n(.*?)^\}', variables, re.MULTILINE | re.DOTALL):
        rules = len(re.findall(r"^  validation \{", block, re.MULTILINE))
        assert tests.count(f"expect_failures = [var.{name}]") >= rules, name
        assert re.search(r'^  description = ".+\."$', block, re.MULTILINE), name
