import json
import os

import pytest

from dev.terraform_check import command as terraform_check
from local_platform.terraform_cli import (
    TERRAFORM_FILES,
    TerraformCli,
    TerraformError,
    TerraformNotFoundError,
    find_plugins,
    find_terraform,
    local_aws_variables,
    provider_version,
)

LOCK = 'provider "registry.terraform.io/hashicorp/aws" {\n  version     = "1.2.3"\n}\n'
# Says what it was asked, and ends as its last argument says.
PROGRAM = """#!/bin/sh
case "$1" in output) echo '{"name": {"value": "crypto"}}'; exit;; esac
case "$1" in show) cat plan.json; exit;; esac
case "$1" in state) printf 'aws_vpc.this\\ndata.aws_region.current\\n'; exit;; esac
echo "args: $*"; env | sort
for last; do :; done
case "$last" in -exit=*) exit "${last#-exit=}";; esac
"""


PLAN = {
    "resource_changes": [
        {"address": "aws_glue_job.curate", "change": {"actions": ["update"]}},
        {"address": "aws_s3_bucket.lake", "change": {"actions": ["no-op"]}},
        {"address": "data.aws_region.current", "change": {"actions": ["read"]}},
        {"address": "aws_vpc.this", "change": {"actions": ["delete", "create"]}},
    ],
    "output_changes": {"name": {"actions": ["no-op"]}, "arn": {"actions": ["update"]}},
    "planned_values": {"outputs": {"name": {"value": "crypto", "sensitive": False}, "arn": {"sensitive": False}}},
}


def plugin_folder(folder, version="1.2.3"):
    program = (
        folder / "registry.terraform.io/hashicorp/aws" / version / "linux_amd64" / f"terraform-provider-aws_v{version}"
    )
    program.parent.mkdir(parents=True)
    program.touch()
    return folder


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "source"
    (folder / ".terraform").mkdir(parents=True)
    for name in (".terraform.lock.hcl", "main.tf", "terraform.tfstate", "backend.tf", "x.tfplan"):
        (folder / name).write_text(LOCK)
    (folder / "plan.json").write_text(json.dumps(PLAN))
    return folder


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine with a terraform and a provider that are not real."""
    program = tmp_path / "bin" / "terraform"
    program.parent.mkdir()
    program.write_text(PROGRAM)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("TERRAFORM_PLUGIN_DIR", str(plugin_folder(tmp_path / "plugins")))
    return tmp_path


def test_the_copy_has_neither_state_nor_backend(machine, source):
    TerraformCli(machine / "work", source=source)
    assert sorted(path.name for path in (machine / "work").iterdir()) == [".terraform.lock.hcl", "main.tf", "plan.json"]


def test_a_persons_own_settings_do_not_reach_terraform(machine, source, monkeypatch):
    for name in ("AWS_PROFILE", "TF_VAR_name", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "mine")
    cli = TerraformCli(machine / "work", source=source, variables=local_aws_variables("http://127.0.0.1:1"))
    said = cli.run("validate")
    assert "=mine" not in said
    for expected in (
        "AWS_ENDPOINT_URL=http://127.0.0.1:1",
        "HTTP_PROXY=http://127.0.0.1:1",
        "AWS_ACCESS_KEY_ID=local-aws",
    ):
        assert expected in said.splitlines()


def test_the_provider_comes_from_the_folder(machine, source):
    cli = TerraformCli(machine / "work", source=source)
    cli.init()
    assert f"-plugin-dir={machine / 'plugins'}" in cli.run("init", f"-plugin-dir={machine / 'plugins'}")


def test_a_plan_says_what_would_change_and_what_is_known_before(machine, source):
    cli = TerraformCli(machine / "work", source=source)
    assert cli.changes() == [
        "update aws_glue_job.curate",
        "delete and create aws_vpc.this",
        "update output arn",
    ]
    assert cli.planned_outputs() == {"name": "crypto"}


def test_a_plan_that_fails_is_no_answer(machine, source):
    with pytest.raises(TerraformError, match=r"terraform plan .*ended with 1"):
        TerraformCli(machine / "work", source=source).changes("-exit=1")


def test_a_failure_tells_what_terraform_said(machine, source):
    with pytest.raises(TerraformError, match="ended with 3") as failure:
        TerraformCli(machine / "work", source=source).apply("-exit=3")
    assert "args: apply -no-color -input=false -auto-approve" in failure.value.output


def test_outputs_and_resources_are_read(machine, source):
    cli = TerraformCli(machine / "work", source=source)
    assert cli.outputs() == {"name": "crypto"}
    assert cli.resources() == ["aws_vpc.this"]


def test_no_terraform_is_said(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(TerraformNotFoundError, match="not on the PATH"):
        find_terraform()


def test_the_provider_is_looked_for_in_the_usual_places(tmp_path):
    named, cache = plugin_folder(tmp_path / "named"), plugin_folder(tmp_path / "cache")
    home = plugin_folder(tmp_path / "home" / ".terraform.d" / "plugins").parent.parent
    places = {"TERRAFORM_PLUGIN_DIR": str(named), "TF_PLUGIN_CACHE_DIR": str(cache), "HOME": str(home)}
    assert find_plugins("1.2.3", places) == named
    del places["TERRAFORM_PLUGIN_DIR"]
    assert find_plugins("1.2.3", places) == cache
    del places["TF_PLUGIN_CACHE_DIR"]
    assert find_plugins("1.2.3", places) == home / ".terraform.d" / "plugins"


def test_another_version_of_the_provider_is_none(tmp_path):
    folder = plugin_folder(tmp_path / "named", "9.9.9")
    with pytest.raises(TerraformNotFoundError, match=r"hashicorp/aws 0\.0\.1 is in no folder"):
        find_plugins("0.0.1", {"TERRAFORM_PLUGIN_DIR": str(folder)})


def test_the_version_is_the_lock_files(source, tmp_path):
    assert provider_version(source) == "1.2.3"
    assert provider_version(TERRAFORM_FILES) == "5.100.0"
    (tmp_path / ".terraform.lock.hcl").write_text("")
    with pytest.raises(ValueError, match="does not pin"):
        provider_version(tmp_path)


def test_a_machine_without_terraform_is_told_and_not_failed(monkeypatch, capsys):
    monkeypatch.setenv("PATH", "")
    assert terraform_check.main([]) == 0
    assert "terraform/ is not checked: terraform is not installed" in capsys.readouterr().out


def test_a_check_that_fails_ends_with_1(machine, monkeypatch, capsys):
    (machine / "bin" / "terraform").write_text("#!/bin/sh\necho 'not formatted'; exit 3\n")
    plugin_folder(machine / "plugins", provider_version(TERRAFORM_FILES))
    assert terraform_check.main([]) == 1
    assert "not formatted" in capsys.readouterr().err
