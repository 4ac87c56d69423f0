"""The permissions boundary of terraform/github/ allows what the policies of the roles in terraform/ allow.

A permission that the boundary lacks has no effect on AWS. `make prove` checks the same with the applied policies.
"""

import json

import pytest

from dev.prove.boundary import require_within
from local_aws.front.call_log import CallLog
from local_aws.front.server import Front, HttpServer
from local_aws.moto_backend.state import MotoState
from local_platform.terraform_cli import GITHUB_FILES, TerraformCli, TerraformNotFoundError, local_aws_variables

PLATFORM = "crypto-prices-dev"
ROLES = ("copy", "flow_logs[0]", "glue", "mwaa")


@pytest.fixture(scope="module")
def terraform(starts_terraform, tmp_path_factory):
    """Return Terraform on a copy of a root."""
    folder = tmp_path_factory.mktemp("boundary")
    moto, log = MotoState(folder / "journal.sqlite"), CallLog(folder / "calls.jsonl")
    server = HttpServer(Front(moto=moto, services={}, call_log=log), port=0)
    server.start()

    def initialized(name, **source):
        cli = TerraformCli(folder / name, variables=local_aws_variables(server.endpoint), **source)
        cli.init()
        return cli

    try:
        yield initialized
    except TerraformNotFoundError as reason:
        pytest.skip(str(reason))
    finally:
        server.stop()
        moto.close()
        log.close()


@pytest.fixture(scope="module")
def boundary(terraform):
    address = 'aws_iam_policy.boundary["dev"]'
    planned = terraform("github", source=GITHUB_FILES).planned_resources(
        "-var=subject_prefix=repo:our-company/platform"
    )
    return {address: json.loads(planned[address]["policy"])}


@pytest.fixture(scope="module")
def policies(terraform):
    """The policies of the platform's roles, as Terraform's own tests plan them: with the ARNs that AWS would return."""
    output = terraform("platform").run("test", "-json", "-verbose", "-filter=tests/policies.tftest.hcl")
    lines = [json.loads(line) for line in output.splitlines()]
    plan = next(line["test_plan"] for line in lines if line["type"] == "test_plan")
    return {
        change["address"].partition(".")[2]: json.loads(change["change"]["after"]["policy"])
        for change in plan["resource_changes"]
        if change["type"] == "aws_iam_role_policy"
    }


def test_the_roles_are_those_of_the_platform(policies):
    assert sorted(policies) == list(ROLES)


@pytest.mark.parametrize("role", ROLES)
def test_each_permission_of_a_role_is_within_the_boundary(boundary, policies, role):
    assert require_within(boundary, role, {role: policies[role]}, {"platform": PLATFORM})
