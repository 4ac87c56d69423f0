"""Calls that a policy must deny. `make prove` decides them under the policies of terraform/github/."""

import re

import pytest

from dev.prove import forbidden
from dev.prove.github_roles import RolesError, require_denied

CALLS = {"apply": forbidden.to_apply("dev", "prod"), "boundary": forbidden.within_boundary("dev", "prod")}


def allow(action, resource="*", **more):
    return {
        "p": {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource, **more}],
        }
    }


@pytest.mark.parametrize("kind", CALLS)
def test_each_call_is_allowed_to_an_administrator(kind):
    """So each would be reported if a policy allowed it."""
    with pytest.raises(RolesError) as caught:
        require_denied(kind, allow("*"), CALLS[kind])
    named = str(caught.value).partition("would be allowed ")[2].split("; ")
    assert set(named) == {f"{check.action} on {check.resource}" for check in CALLS[kind]}


@pytest.mark.parametrize("kind", CALLS)
def test_no_call_is_listed_twice(kind):
    found = [(check.action, check.resource, tuple(check.keys.items())) for check in CALLS[kind]]
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    ("kind", "policy", "named"),
    [
        (
            "apply",
            allow("s3:PutLifecycleConfiguration", "arn:aws:s3:::crypto-prices-dev-*"),
            "s3:PutLifecycleConfiguration",
        ),
        (
            "apply",
            allow("athena:*WorkGroup", "arn:aws:athena:*:*:workgroup/crypto-prices-dev"),
            "athena:DeleteWorkGroup",
        ),
        ("apply", allow("athena:UpdateWorkGroup"), "workgroup/crypto-prices-prod"),
        ("apply", allow("redshift-serverless:UpdateNamespace", "*"), "redshift-serverless:UpdateNamespace"),
        ("apply", allow("redshift-serverless:*UsageLimit"), "redshift-serverless:UpdateUsageLimit"),
        ("apply", allow("redshift-serverless:UpdateWorkgroup"), "redshift-serverless:UpdateWorkgroup"),
        (
            "apply",
            allow("iam:PutRolePolicy", Condition={"StringLike": {"iam:PermissionsBoundary": "*-github-boundary*"}}),
            "iam:PutRolePolicy",
        ),
        (
            "boundary",
            allow("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:*:*:secret:redshift!*"),
            "redshift!crypto-prices-prod-admin",
        ),
        ("boundary", allow("sqs:*"), "sqs:SendMessage"),
        ("boundary", allow("s3:*", "arn:aws:s3:::crypto-prices-dev-*"), "s3:DeleteBucket"),
        ("boundary", allow("s3:PutObject", "arn:aws:s3:::crypto-prices-dev-lake-*/loads/*"), "/loads/a"),
        ("boundary", allow("redshift-data:*"), "redshift-data:ExecuteStatement"),
        ("boundary", allow("kms:Decrypt"), "kms:Decrypt"),
    ],
)
def test_a_policy_that_allows_too_much_is_reported(kind, policy, named):
    with pytest.raises(RolesError, match=re.escape(named)):
        require_denied(kind, policy, CALLS[kind])


def test_a_policy_for_the_own_environment_passes():
    tagged = {"StringEquals": {"aws:ResourceTag/platform": "crypto-prices-dev"}}
    assert require_denied("apply", allow("redshift-serverless:UpdateWorkgroup", Condition=tagged), CALLS["apply"])
    assert require_denied("boundary", allow("redshift-data:ExecuteStatement", Condition=tagged), CALLS["boundary"])
