"""Whether a permissions boundary allows each permission of a role, with small policies."""

import pytest

from dev.prove.boundary import require_within
from dev.prove.github_roles import RolesError
from dev.prove.permissions import PolicyShapeError

TAGS = {"platform": "crypto-prices-dev"}
OWN = {"StringEquals": {"redshift-data:statement-owner-iam-userid": "${aws:userid}"}}
ONCE = {"Null": {"s3:if-none-match": "false"}}
VIA = {"StringEquals": {"kms:ViaService": ["s3.us-east-1.amazonaws.com", "sqs.us-east-1.amazonaws.com"]}}


def allow(action, resource="*", **condition):
    statement = {"Sid": "A", "Effect": "Allow", "Action": action, "Resource": resource}
    return {"policy": {"Version": "2012-10-17", "Statement": [{**statement, **condition}]}}


def decided(boundary, permissions):
    return require_within(boundary, "etl", permissions, TAGS)


def test_the_boundary_may_be_wider():
    permissions = allow(["s3:GetObject", "s3:PutObject"], ["arn:aws:s3:::lake/raw/*", "arn:aws:s3:::lake/loads/*"])
    assert decided(allow("s3:*Object", "arn:aws:s3:::lake/*"), permissions) == 4


@pytest.mark.parametrize(
    ("boundary", "permissions", "named"),
    [
        (
            allow(["s3:GetObject", "s3:PutObject"], "arn:aws:s3:::lake/raw/*"),
            allow("s3:PutObject", ["arn:aws:s3:::lake/raw/*", "arn:aws:s3:::lake/loads/*"]),
            r"s3:PutObject on arn:aws:s3:::lake/loads/\S+$",
        ),
        (allow("s3:GetObject", "arn:aws:s3:::lake/raw/a*"), allow("s3:GetObject", "arn:aws:s3:::lake/raw/*"), "raw/"),
        (allow("s3:GetObject"), allow(["s3:GetObject", "s3:PutObject"]), r"s3:PutObject on \*$"),
        (
            allow("kms:Decrypt", Condition={"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}),
            allow("kms:Decrypt", "arn:aws:kms:us-east-1:1:key/1", Condition=VIA),
            "kms:Decrypt",
        ),
        (
            allow("s3:PutObject", Condition={"Null": {"s3:if-none-match": "true"}}),
            allow("s3:PutObject", "arn:aws:s3:::lake/raw/*", Condition=ONCE),
            "s3:PutObject",
        ),
        (
            allow("redshift-data:*", Condition={"StringEquals": {"aws:ResourceTag/platform": "crypto-prices-prod"}}),
            allow("redshift-data:ExecuteStatement", "arn:aws:redshift-serverless:us-east-1:1:workgroup/1"),
            "redshift-data:ExecuteStatement",
        ),
    ],
)
def test_a_permission_that_the_boundary_lacks_is_named(boundary, permissions, named):
    with pytest.raises(RolesError, match=f"the boundary denies etl .*: .*{named}"):
        decided(boundary, permissions)


@pytest.mark.parametrize(
    ("boundary", "permissions"),
    [
        (allow("kms:*", Condition=VIA), allow("kms:Decrypt", "arn:aws:kms:us-east-1:1:key/1", Condition=VIA)),
        (
            allow("redshift-data:*", Condition={"StringEquals": {"aws:ResourceTag/platform": "crypto-prices-dev"}}),
            allow("redshift-data:ExecuteStatement", "arn:aws:redshift-serverless:us-east-1:1:workgroup/1"),
        ),
        (allow("redshift-data:*", Condition=OWN), allow("redshift-data:CancelStatement", Condition=OWN)),
        (allow("s3:PutObject", Condition=ONCE), allow("s3:PutObject", "arn:aws:s3:::lake/raw/*", Condition=ONCE)),
        (
            allow("s3:ListBucket"),
            allow("s3:ListBucket", "arn:aws:s3:::lake", Condition={"StringLike": {"s3:prefix": ["curated/*"]}}),
        ),
    ],
)  # fmt: skip
def test_conditions_that_both_have_hold(boundary, permissions):
    assert decided(boundary, permissions)


def test_a_condition_that_no_call_is_known_for_is_refused():
    negative = allow("s3:GetObject", Condition={"StringNotEquals": {"aws:PrincipalAccount": "1"}})
    with pytest.raises(PolicyShapeError, match="StringNotEquals"):
        decided(allow("s3:*"), negative)


def test_no_permissions_prove_nothing():
    with pytest.raises(RolesError, match="no permissions"):
        decided(allow("*"), {})
