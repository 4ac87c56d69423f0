import pytest

from local_aws.iam.trust import TrustNotEvaluatedError, lets_assume

SERVICES = ["redshift.amazonaws.com", "redshift-serverless.amazonaws.com"]
CONTEXT = {
    "aws:SourceAccount": ["123456789012"],
    "aws:SourceArn": ["arn:aws:x:us-east-1:123456789012:workgroup/w"],
}


def _statement(service="redshift.amazonaws.com", effect="Allow", action="sts:AssumeRole", **more):
    return {"Effect": effect, "Principal": {"Service": service}, "Action": action, **more}


@pytest.mark.parametrize(
    ("statements", "allowed"),
    [
        (_statement(), True),
        ([_statement(["glue.amazonaws.com", "redshift-serverless.amazonaws.com"])], True),
        (_statement(action=["sts:TagSession", "sts:*"]), True),
        (_statement("glue.amazonaws.com"), False),
        (_statement(action="sts:TagSession"), False),
        ([_statement(), _statement(effect="Deny")], False),
        ([_statement(), {"Effect": "Deny", "Principal": "*", "Action": "*"}], False),
        ({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}, False),
        ({"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}, False),
        (_statement(Condition={"StringEquals": {"aws:sourceaccount": "123456789012"}}), True),
        (_statement(Condition={"StringEquals": {"aws:SourceAccount": ["1", "2"]}}), False),
        (_statement(Condition={"ArnLike": {"aws:SourceArn": "arn:aws:x:*:*:workgroup/*"}}), True),
        (_statement(Condition={"StringEquals": {"sts:ExternalId": "x"}}), False),  # it is not in the context
        ({"Effect": "Allow", "Principal": {"Service": SERVICES[0]}, "NotAction": "sts:TagSession"}, True),
        ([], False),
    ],
)
def test_the_services_that_a_trust_policy_allows(statements, allowed):
    assert lets_assume({"Statement": statements}, SERVICES, CONTEXT) is allowed


@pytest.mark.parametrize(
    "more",
    [
        {"Condition": {"StringEquals": {"aws:SourceVpc": "x"}}},
        {"Condition": {"IpAddress": {"aws:SourceAccount": "x"}}},
        {"Actions": "sts:TagSession"},
    ],
)
def test_a_condition_that_cannot_be_evaluated_is_an_error(more):
    with pytest.raises(TrustNotEvaluatedError):
        lets_assume({"Statement": _statement(**more)}, SERVICES, CONTEXT)


def test_a_condition_on_a_key_with_an_unknown_value_is_an_error():
    statement = _statement(Condition={"ArnLike": {"aws:SourceArn": "*"}})
    with pytest.raises(TrustNotEvaluatedError, match="aws:SourceArn"):
        lets_assume({"Statement": statement}, SERVICES, {}, ["aws:SourceArn"])
    assert not lets_assume({"Statement": statement}, SERVICES, {})


USER = "arn:aws:redshift:us-east-1:123456789012:dbuser:serverless-123456789012-7f1c/admin"


@pytest.mark.parametrize(
    ("pattern", "allowed"),
    [
        (USER, True),
        ("arn:aws:redshift:us-east-1:123456789012:dbuser:serverless-123456789012-*/admin", True),
        (["arn:aws:redshift:us-east-1:123456789012:dbuser:prices/admin", USER], True),
        ("arn:aws:redshift:us-east-1:123456789012:dbuser:prices/admin", False),
        ("arn:aws:redshift:us-east-1:123456789012:dbuser:serverless-123456789012-*/reader", False),
    ],
)
def test_the_database_user_of_redshift_is_an_external_id(pattern, allowed):
    statement = _statement(Condition={"StringLike": {"sts:ExternalId": pattern}})
    assert lets_assume({"Statement": statement}, SERVICES, {"sts:ExternalId": [USER]}) is allowed
