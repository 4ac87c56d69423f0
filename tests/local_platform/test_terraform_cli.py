import json

import pytest

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
from tests.support.fake_terraform import install_fake_terraform, plugin_folder

LOCK = 'provider "registry.terraform.io/hashicorp/aws" {\n  version     = "1.2.3"\n}\n'
PLAN = {
    "resource_changes": [
        {"address": "aws_glue_job.curate", "change": {"actions": ["update"]}},
        {"address": "aws_s3_bucket.lake", "change": {"actions": ["no-op"]}},
        {"address": "data.aws_region.current", "change": {"actions": ["read"]}},
        {"address": "aws_vpc.this", "change": {"actions": ["delete", "create"]}},
    ],
    "output_changes": {"name": {"actions": ["no-op"]}, "arn": {"actions": ["update"]}},
    "planned_values": {
        "outputs": {"name": {"value": "crypto", "sensitive": False}, "arn": {"sensitive": False}},
        "root_module": {"resources": [{"address": "aws_vpc.this", "values": {"cidr_block": "10.0.0.0/16"}}]},
    },
}


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "source"
    (folder / ".terraform").mkdir(parents=True)
    own = ("terraform.tfstate", "backend.tf", "x.tfplan", "terraform.tfvars", "my.auto.tfvars.json")
    for name in (".terraform.lock.hcl", "main.tf", *own):
        (folder / name).write_text(LOCK)
    (folder / "plan.json").write_text(json.dumps(PLAN))
    return folder


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Return a folder whose fake terraform and provider are the ones that this machine finds."""
    install_fake_terraform(tmp_path, monkeypatch)
    return tmp_path


def test_the_copy_excludes_the_users_state_backend_and_variables(machine, source):
    TerraformCli(machine / "work", source=source)
    assert sorted(path.name for path in (machine / "work").iterdir()) == [".terraform.lock.hcl", "main.tf", "plan.json"]


def test_the_users_own_settings_do_not_reach_terraform(machine, source, monkeypatch):
    for name in ("AWS_PROFILE", "TF_VAR_name", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "mine")
    cli = TerraformCli(machine / "work", source=source, variables=local_aws_variables("http://127.0.0.1:1"))
    output = cli.run("validate")
    assert "=mine" not in output
    for expected in (
        "AWS_ENDPOINT_URL=http://127.0.0.1:1",
        "HTTP_PROXY=http://127.0.0.1:1",
        "AWS_ACCESS_KEY_ID=local-aws",
    ):
        assert expected in output.splitlines()


def test_init_takes_the_provider_from_the_plugin_folder(machine, source):
    cli = TerraformCli(machine / "work", source=source)
    cli.init()
    assert f"-plugin-dir={machine / 'plugins'}" in (machine / "work" / "calls").read_text()


def test_a_plan_lists_changes_and_known_outputs(machine, source):
    cli = TerraformCli(machine / "work", source=source)
    assert cli.changes() == [
        "update aws_glue_job.curate",
        "delete and create aws_vpc.this",
        "update output arn",
    ]
    assert cli.planned_outputs() == {"name": "crypto"}
    assert cli.planned_resources() == {"aws_vpc.this": {"cidr_block": "10.0.0.0/16"}}


def test_a_failed_plan_raises(machine, source):
    with pytest.raises(TerraformError, match=r"terraform plan .*\b1\b"):
        TerraformCli(machine / "work", source=source).changes("-exit=1")


def test_a_failure_carries_terraforms_output(machine, source):
    with pytest.raises(TerraformError, match=r"terraform apply .*\b3\b") as failure:
        TerraformCli(machine / "work", source=source).apply("-exit=3")
    assert "args: apply -no-color -input=false -auto-approve" in failure.value.output


def test_outputs_and_resources_are_read(machine, source):
    cli = TerraformCli(machine / "work", source=source)
    assert cli.outputs() == {"name": "crypto"}
    assert cli.resources() == ["aws_vpc.this"]


def test_a_missing_terraform_is_reported(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(TerraformNotFoundError, match="PATH"):
        find_terraform()


def test_the_provider_is_searched_in_the_usual_folders(tmp_path):
    named, cache = plugin_folder(tmp_path / "named"), plugin_folder(tmp_path / "cache")
    home = plugin_folder(tmp_path / "home" / ".terraform.d" / "plugins").parent.parent
    places = {"TERRAFORM_PLUGIN_DIR": str(named), "TF_PLUGIN_CACHE_DIR": str(cache), "HOME": str(home)}
    assert find_plugins("1.2.3", places) == named
    del places["TERRAFORM_PLUGIN_DIR"]
    assert find_plugins("1.2.3", places) == cache
    del places["TF_PLUGIN_CACHE_DIR"]
    assert find_plugins("1.2.3", places) == home / ".terraform.d" / "plugins"


def test_another_version_of_the_provider_is_not_used(tmp_path):
    folder = plugin_folder(tmp_path / "named", "9.9.9")
    with pytest.raises(TerraformNotFoundError, match=r"hashicorp/aws 0\.0\.1"):
        find_plugins("0.0.1", {"TERRAFORM_PLUGIN_DIR": str(folder)})


def test_the_provider_version_comes_from_the_lock_file(source, tmp_path):
    assert provider_version(source) == "1.2.3"
    assert provider_version(TERRAFORM_FILES) == "5.100.0"
    (tmp_path / ".terraform.lock.hcl").write_text("")
    with pytest.raises(ValueError, match="hashicorp/aws"):
        provider_version(tmp_path)
