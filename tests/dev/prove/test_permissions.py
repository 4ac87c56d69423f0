import itertools

import pytest

from dev.prove.permissions import (
    Permission,
    PolicyShapeError,
    first_denied,
    permissions_of,
    removals_of,
    without,
)
from tests.support.recorded_checks import check

RAW, CURATED = "arn:aws:s3:::lake/raw/*", "arn:aws:s3:::lake/curated/*"
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Sid": "Lake", "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": [RAW, CURATED]},
        {
            "Sid": "Metrics",
            "Effect": "Allow",
            "Action": "cloudwatch:PutMetricData",
            "Resource": "*",
            "Condition": {"StringEquals": {"cloudwatch:namespace": "CryptoPrices"}},
        },
        {"Sid": "Never", "Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::other/*"},
    ],
}
DOCUMENTS = {"pipeline": POLICY}


def permission(sid, action, resource):
    return Permission("role", "pipeline", sid, action, resource)


def test_a_permission_is_one_allowed_action_on_one_resource():
    assert permissions_of("role", DOCUMENTS) == [
        permission("Lake", "s3:GetObject", RAW),
        permission("Lake", "s3:GetObject", CURATED),
        permission("Lake", "s3:PutObject", RAW),
        permission("Lake", "s3:PutObject", CURATED),
        permission("Metrics", "cloudwatch:PutMetricData", "*"),
    ]


def test_removals_are_each_action_and_each_of_several_resources():
    assert removals_of("role", DOCUMENTS) == [
        permission("Lake", "s3:GetObject", ""),
        permission("Lake", "s3:PutObject", ""),
        permission("Lake", "", RAW),
        permission("Lake", "", CURATED),
        permission("Metrics", "cloudwatch:PutMetricData", ""),
    ]


@pytest.mark.parametrize(
    "taken", [*permissions_of("role", DOCUMENTS), *removals_of("role", DOCUMENTS)], ids=lambda taken: str(taken)
)
def test_removing_a_permission_removes_nothing_else(taken):
    left = allowed_by(without(DOCUMENTS, taken)["pipeline"])
    assert left == {
        (each.sid, each.action, each.resource)
        for each in permissions_of("role", DOCUMENTS)
        if each.sid != taken.sid or taken.action not in ("", each.action) or taken.resource not in ("", each.resource)
    }


def allowed_by(document):
    """Return what a document allows; the rest of a split statement counts as the statement itself."""
    return {
        (statement["Sid"].removesuffix("Rest"), action, resource)
        for statement in document["Statement"]
        if statement["Effect"] == "Allow"
        for action, resource in itertools.product(listed(statement["Action"]), listed(statement["Resource"]))
    }


def listed(value):
    return value if isinstance(value, list) else [value]


def test_deny_statements_and_conditions_stay_unchanged():
    left = without(DOCUMENTS, permission("Lake", "s3:GetObject", RAW))["pipeline"]
    assert left["Statement"][-2:] == POLICY["Statement"][-2:]
    assert DOCUMENTS["pipeline"] is POLICY
    assert len(POLICY["Statement"]) == 3


def test_the_first_check_that_needs_a_permission_is_found():
    checks = [
        check("s3:PutObject", "arn:aws:s3:::lake/raw/a"),
        check("s3:GetObject", "arn:aws:s3:::lake/raw/a", role="other"),
        check("s3:GetObject", "arn:aws:s3:::lake/curated/b"),
        check("s3:GetObject", "arn:aws:s3:::lake/raw/c", allowed=False),
        check("s3:GetObject", "arn:aws:s3:::lake/raw/d"),
    ]
    found = first_denied(DOCUMENTS, permission("Lake", "s3:GetObject", RAW), checks)
    assert found is checks[-1]
    assert first_denied(DOCUMENTS, permission("Lake", "s3:GetObject", ""), checks) is checks[2]
    assert first_denied(DOCUMENTS, permission("Lake", "s3:PutObject", CURATED), checks) is None


def test_a_permission_that_another_statement_grants_is_not_needed():
    twice = {**POLICY, "Statement": [*POLICY["Statement"], {**POLICY["Statement"][0], "Sid": "LakeOnceMore"}]}
    checks = [check("s3:GetObject", "arn:aws:s3:::lake/raw/a")]
    assert first_denied({"pipeline": twice}, permission("Lake", "s3:GetObject", RAW), checks) is None


def test_conditions_are_evaluated():
    metrics = check("cloudwatch:PutMetricData", "*", **{"cloudwatch:namespace": "CryptoPrices"})
    assert first_denied(DOCUMENTS, permission("Lake", "", RAW), [metrics]) is None
    assert first_denied(DOCUMENTS, permission("Metrics", "cloudwatch:PutMetricData", ""), [metrics]) is metrics


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ({"Effect": "Allow", "Action": "s3:*", "Resource": "*"}, "Sid.*found ''"),
        ({"Sid": "Lake", "Effect": "Allow", "Action": "s3:*", "Resource": "*"}, "found 'Lake'"),
        ({"Sid": "New", "Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}, "pipeline, New: NotAction"),
    ],
)
def test_a_policy_that_cannot_be_split_is_rejected(statement, words):
    with pytest.raises(PolicyShapeError, match=words):
        permissions_of("role", {"pipeline": {**POLICY, "Statement": [*POLICY["Statement"], statement]}})
