"""Which calls of Terraform a role of GitHub's workflows allows, with a fake IAM and recorded checks."""

import json
import re
from types import SimpleNamespace

import boto3
import pytest
from botocore import xform_name
from moto import mock_aws

from dev.prove.github_roles import (
    RolesError,
    TerraformCalls,
    policies_of,
    publish,
    require_allowed,
    require_boundary,
    require_denied,
    require_needed,
    tamper,
)
from local_aws.iam.authorization_log import AuthorizationLog
from local_platform.checkout import REPOSITORY
from tests.support.recorded_checks import check

BOUNDARY = "arn:aws:iam::123456789012:policy/crypto-prices-github-boundary-dev"
ROLE = "arn:aws:iam::123456789012:role/crypto-prices-dev-mwaa"
TERRAFORM = {"aws:UserAgent": "APN/1.0 HashiCorp/1.0 Terraform/1.11.4 terraform-provider-aws/5.100.0"}
PERSON = {"aws:UserAgent": "aws-cli/2"}


def allow(action, resource="*", **more):
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource, **more}]}


class Iam:
    """A role with an inline policy and an attached one, and other roles."""

    def __init__(self, inline, attached=None, boundaries=()):
        self.inline, self.attached, self.boundaries = inline, attached or allow("sqs:SendMessage"), dict(boundaries)

    def list_role_policies(self, RoleName):
        return {"PolicyNames": ["inline"]}

    def get_role_policy(self, RoleName, PolicyName):
        return {"PolicyDocument": self.inline}

    def list_attached_role_policies(self, RoleName):
        return {"AttachedPolicies": [{"PolicyArn": "arn:attached"}]}

    def get_policy(self, PolicyArn):
        return {"Policy": {"DefaultVersionId": "v2"}}

    def get_policy_version(self, PolicyArn, VersionId):
        assert VersionId == "v2"
        return {"PolicyVersion": {"Document": self.attached}}

    def get_paginator(self, _):
        return SimpleNamespace(paginate=lambda: [{"Roles": [{"RoleName": name} for name in self.boundaries]}])

    def get_role(self, RoleName):
        arn = self.boundaries[RoleName]
        return {"Role": {"PermissionsBoundary": {"PermissionsBoundaryArn": arn}} if arn else {}}


def test_a_role_has_its_inline_and_its_attached_policies():
    assert policies_of(Iam(allow("s3:GetObject")), "role") == {
        "inline": allow("s3:GetObject"), "arn:attached": allow("sqs:SendMessage"),
    }  # fmt: skip


def test_a_call_that_the_role_denies_is_named():
    checks = [check("s3:GetObject", "arn:aws:s3:::a/b"), check("s3:DeleteObject", "arn:aws:s3:::a/b")]
    assert require_allowed(Iam(allow("s3:GetObject")), "reader", checks[:1]) == "reader: 1 checks allowed"
    with pytest.raises(RolesError, match=r"^reader would be denied s3:DeleteObject on arn:aws:s3:::a/b$"):
        require_allowed(Iam(allow("s3:GetObject")), "reader", checks)


def test_no_calls_prove_nothing():
    with pytest.raises(RolesError, match="no calls"):
        require_allowed(Iam(allow("*")), "reader", [])


def test_a_call_that_the_role_must_not_make_is_named():
    checks = [check("s3:GetObject", "arn:aws:s3:::a/b"), check("s3:DeleteObject", "arn:aws:s3:::a/b")]
    assert require_denied("publish", {"p": allow("s3:GetObject")}, checks[1:]) == "1 denied"
    with pytest.raises(RolesError, match=r"^publish would be allowed s3:GetObject on arn:aws:s3:::a/b$"):
        require_denied("publish", {"p": allow("s3:GetObject")}, checks)
    with pytest.raises(RolesError, match="no calls"):
        require_denied("publish", {"p": allow("*")}, [])


class TestPublication:
    @pytest.fixture
    def s3(self):
        with mock_aws():
            client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="t", aws_secret_access_key="t")
            client.create_bucket(Bucket="artifacts")
            yield client
            # moto forgets nothing here while another test's moto is active in this process.
            for item in client.list_objects_v2(Bucket="artifacts").get("Contents", []):
                client.delete_object(Bucket="artifacts", Key=item["Key"])

    def test_its_calls_are_those_of_the_script(self, s3):
        script = (REPOSITORY / ".github" / "scripts" / "publish-release").read_text()
        made = []
        s3.meta.events.register("before-call.s3", lambda model, **_: made.append(xform_name(model.name, "-")))
        publish(s3, "artifacts")
        assert set(re.findall(r"aws s3api ([a-z-]+)", script)) == set(made) == {"put-object", "get-object"}
        assert "--if-none-match '*'" in script

    def test_a_bucket_that_replaces_a_release_is_reported(self):
        replaces = SimpleNamespace(put_object=lambda **_: {}, get_object=lambda **_: {})
        with pytest.raises(RolesError, match="replaced the first one"):
            publish(replaces, "artifacts")

    def test_the_calls_that_must_be_denied_change_a_release(self, s3):
        publish(s3, "artifacts")
        tamper(s3, "artifacts")
        assert [item["Key"] for item in s3.list_objects_v2(Bucket="artifacts")["Contents"]] == ["elsewhere"]


def test_an_action_that_no_call_needs_is_named():
    role = Iam(allow(["s3:GetObject", "s3:ListBucket"]), attached=allow("budgets:ViewBudget"))
    checks = [check("s3:GetObject", "arn:aws:s3:::a/b")]
    with pytest.raises(RolesError, match=r"^reader has actions that nothing needs: s3:ListBucket$"):
        require_needed(role, "reader", checks, {"budgets:ViewBudget": "only with a budget"})
    exceptions = {"budgets:ViewBudget": "only with a budget", "s3:ListBucket": "why"}
    require_needed(role, "reader", checks, exceptions)
    for outdated in ("s3:GetObject", "s3:PutObject"):
        with pytest.raises(RolesError, match=f"^reader: the exceptions for {outdated} are not needed$"):
            require_needed(role, "reader", checks, {**exceptions, outdated: "why"})


def test_only_terraforms_new_calls_are_read(tmp_path):
    log = AuthorizationLog(tmp_path / "log")
    log.write([check("s3:GetObject", "arn:aws:s3:::a/old", **TERRAFORM)])
    calls = TerraformCalls(tmp_path / "log", BOUNDARY)
    calls.skip()
    log.write(
        [check("s3:GetObject", f"arn:aws:s3:::a/{who}", **keys) for who, keys in (("t", TERRAFORM), ("p", PERSON))]
    )
    assert [check.resource for check in calls.checks()] == ["arn:aws:s3:::a/t"]
    assert calls.checks() == []


def test_permissions_are_written_within_the_boundary_only(tmp_path):
    log = AuthorizationLog(tmp_path / "log")
    log.write([check("iam:PutRolePolicy", ROLE, **TERRAFORM)])
    checks = TerraformCalls(tmp_path / "log", BOUNDARY).checks()
    within = allow("iam:PutRolePolicy", Condition={"StringEquals": {"iam:PermissionsBoundary": BOUNDARY}})
    assert require_allowed(Iam(within), "apply", checks)
    with pytest.raises(RolesError, match="iam:PutRolePolicy"):
        require_allowed(Iam(json.loads(json.dumps(within).replace(BOUNDARY, "arn:another"))), "apply", checks)


@pytest.mark.parametrize("boundary", [None, "arn:another"])
def test_a_role_of_the_platform_without_the_boundary_is_named(boundary):
    limited = {"crypto-prices-dev-mwaa": BOUNDARY, "crypto-prices-github-plan": None}
    assert require_boundary(Iam({}, boundaries=limited), "crypto-prices-dev-", BOUNDARY) == ["crypto-prices-dev-mwaa"]
    with pytest.raises(RolesError, match=f"crypto-prices-dev-glue has the permissions boundary {boundary}"):
        require_boundary(
            Iam({}, boundaries=limited | {"crypto-prices-dev-glue": boundary}), "crypto-prices-dev-", BOUNDARY
        )
