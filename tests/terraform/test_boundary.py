"""The permissions boundary of terraform/github/ allows what the policies of the roles in terraform/ allow.

A permission that the boundary lacks has no effect on AWS. And the boundary denies what no deployment may allow.
`make prove` checks the same with the applied policies.
"""

import json

import pytest

from dev.prove.boundary import require_within
from dev.prove.forbidden import check, within_boundary
from dev.prove.github_roles import require_denied
from local_aws.front.call_log import CallLog
from local_aws.front.server import Front, HttpServer
from local_aws.iam.authorization_log import denied_under
from local_aws.moto_backend.state import MotoState
from local_aws.protocol.account import ACCOUNT_ID
from local_platform.terraform_cli import GITHUB_FILES, TerraformCli, TerraformNotFoundError, local_aws_variables

PLATFORM = "crypto-prices-dev"
LAKE = f"arn:aws:s3:::{PLATFORM}-lake-{ACCOUNT_ID}"
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


def test_the_boundary_denies_calls_whatever_a_deployment_allows(boundary):
    assert require_denied("boundary", boundary, within_boundary("dev", "prod"))


@pytest.mark.parametrize("action", ["s3:AbortMultipartUpload", "s3:PutObject"])
@pytest.mark.parametrize("zone", ["raw", "loads"])
def test_raw_objects_and_load_records_are_written_once(boundary, zone, action):
    """A multipart upload has no If-None-Match when it begins, so it could only replace objects."""
    call = check(action, f"{LAKE}/{zone}/a")
    assert denied_under(boundary, [call]) == [call]
    assert denied_under(boundary, [check("s3:PutObject", f"{LAKE}/{zone}/a", **{"s3:if-none-match": "*"})]) == []


@pytest.mark.parametrize("action", ["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:PutObject"])
@pytest.mark.parametrize("zone", ["curated", "quarantine"])
def test_the_glue_job_can_upload_and_replace_its_files(boundary, zone, action):
    assert denied_under(boundary, [check(action, f"{LAKE}/{zone}/a")]) == []
