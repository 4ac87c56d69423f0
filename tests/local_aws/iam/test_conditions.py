import pytest

from local_aws.iam.conditions import NotEvaluatedError, holds
from local_aws.iam.context import Context

CONTEXT = Context.of(
    {
        "s3:prefix": ("raw/a",),
        "aws:SecureTransport": ("true",),
        "aws:CurrentTime": ("2024-05-01T12:00:00Z",),
        "aws:EpochTime": ("1714564800",),
        "aws:SourceIp": ("10.1.2.3",),
        "aws:PrincipalArn": ("arn:aws:iam::123456789012:role/r",),
        "aws:userid": ("AROA1:me",),
        "s3:max-keys": ("100",),
        "aws:CalledVia": ("a.amazonaws.com", "b.amazonaws.com"),
    },
    ("s3:prefix", "s3:max-keys", "s3:delimiter"),
)


def _holds(operator, key, wanted, *, variables=True):
    return holds({operator: {key: wanted}}, CONTEXT, variables=variables)


@pytest.mark.parametrize(
    ("operator", "key", "wanted", "result"),
    [
        ("StringEquals", "s3:prefix", "raw/a", True),
        ("StringEquals", "S3:Prefix", "raw/a", True),  # keys are case-insensitive, values are not
        ("StringEquals", "s3:prefix", "RAW/a", False),
        ("StringEquals", "s3:prefix", ["x", "raw/a"], True),
        ("StringEquals", "s3:prefix", "raw/*", False),
        ("StringEquals", "s3:prefix", [], False),
        ("StringEquals", "aws:userid", "${aws:userid}", True),
        ("StringEquals", "aws:userid", "${aws:username}", False),
        ("StringNotEquals", "aws:userid", "${aws:username}", True),
        ("StringEqualsIgnoreCase", "s3:prefix", "RAW/A", True),
        ("StringNotEquals", "s3:prefix", ["x", "y"], True),
        ("StringNotEquals", "s3:prefix", ["x", "raw/a"], False),
        ("StringNotEqualsIgnoreCase", "s3:prefix", "RAW/A", False),
        ("StringLike", "s3:prefix", "raw/*", True),
        ("StringNotLike", "s3:prefix", "raw/*", False),
        ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/*", True),
        ("ArnEquals", "aws:PrincipalArn", "arn:aws:iam::*:role/*", True),
        ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*", False),
        ("ArnNotLike", "aws:PrincipalArn", "arn:aws:iam::*:role/x", True),
        ("ArnNotEquals", "aws:PrincipalArn", "arn:aws:iam::123456789012:role/r", False),
        ("Bool", "aws:SecureTransport", True, True),
        ("Bool", "aws:SecureTransport", "false", False),
        ("NumericEquals", "s3:max-keys", "100.0", True),
        ("NumericNotEquals", "s3:max-keys", 100, False),
        ("NumericLessThan", "s3:max-keys", 100, False),
        ("NumericLessThanEquals", "s3:max-keys", 100, True),
        ("NumericGreaterThan", "s3:max-keys", "99", True),
        ("NumericGreaterThanEquals", "s3:max-keys", "101", False),
        ("DateGreaterThan", "aws:CurrentTime", "2024-05-01T11:59:59Z", True),
        ("DateLessThan", "aws:CurrentTime", "2024-05-01T14:00:00+02:00", False),
        ("DateLessThanEquals", "aws:CurrentTime", "2024-05-01T14:00:00+02:00", True),
        ("DateEquals", "aws:EpochTime", "2024-05-01T12:00:00Z", True),
        ("DateNotEquals", "aws:CurrentTime", "2024-05-01", True),
        ("IpAddress", "aws:SourceIp", ["192.168.0.0/16", "10.1.0.0/16"], True),
        ("IpAddress", "aws:SourceIp", "10.1.2.4", False),
        ("NotIpAddress", "aws:SourceIp", "10.0.0.0/8", False),
        ("BinaryEquals", "s3:delimiter", "QQ==", False),
        # a key that the request does not have
        ("StringEquals", "s3:delimiter", "/", False),
        ("StringNotEquals", "s3:delimiter", "/", True),
        ("StringEqualsIfExists", "s3:delimiter", "/", True),
        ("StringEqualsIfExists", "s3:prefix", "/", False),
        ("Bool", "aws:MultiFactorAuthPresent", "false", False),
        ("BoolIfExists", "aws:MultiFactorAuthPresent", "true", True),
        ("Null", "s3:delimiter", "true", True),
        ("Null", "s3:delimiter", False, False),
        ("Null", "s3:prefix", "false", True),
        ("ForAllValues:StringEquals", "s3:delimiter", "/", True),
        ("ForAnyValue:StringEquals", "s3:delimiter", "/", False),
        ("ForAnyValue:StringNotEquals", "s3:delimiter", "/", False),
        ("ForAnyValue:StringEqualsIfExists", "s3:delimiter", "/", False),
        # keys with several values
        ("ForAnyValue:StringEquals", "aws:CalledVia", "b.amazonaws.com", True),
        ("ForAllValues:StringEquals", "aws:CalledVia", "b.amazonaws.com", False),
        ("ForAllValues:StringLike", "aws:CalledVia", ["a*", "b*", "c*"], True),
        ("ForAllValues:StringNotEquals", "aws:CalledVia", "b.amazonaws.com", False),
        ("ForAllValues:StringNotEquals", "aws:CalledVia", "c.amazonaws.com", True),
        ("ForAnyValue:StringNotEquals", "aws:CalledVia", "b.amazonaws.com", True),
        ("ForAnyValue:StringNotLike", "aws:CalledVia", "*.amazonaws.com", False),
    ],
)
def test_operators(operator, key, wanted, result):
    assert _holds(operator, key, wanted) is result


def test_every_part_of_a_condition_must_hold():
    assert holds(
        {"StringLike": {"s3:prefix": "raw/*"}, "Bool": {"aws:SecureTransport": "true"}}, CONTEXT, variables=True
    )
    assert not holds(
        {"StringLike": {"s3:prefix": "raw/*"}, "Bool": {"aws:SecureTransport": "false"}}, CONTEXT, variables=True
    )


def test_an_old_policy_has_no_variables():
    assert not _holds("StringEquals", "aws:userid", "${aws:userid}", variables=False)


@pytest.mark.parametrize(
    ("operator", "key", "wanted", "named"),
    [
        ("StringMatches", "s3:prefix", "x", "StringMatches"),
        ("ForSomeValues:StringEquals", "s3:prefix", "x", "ForSomeValues"),
        ("StringEquals", "aws:SourceVpce", "x", "aws:SourceVpce"),
        ("StringNotEquals", "aws:SourceVpce", "x", "aws:SourceVpce"),
        ("StringEqualsIfExists", "aws:SourceVpce", "x", "aws:SourceVpce"),
        ("Null", "aws:SourceVpce", "true", "aws:SourceVpce"),
        ("StringEquals", "s3:prefix", "${aws:SourceVpc}", "aws:SourceVpc"),
        ("NumericEquals", "s3:max-keys", "many", "many"),
        ("DateEquals", "aws:CurrentTime", "yesterday", "yesterday"),
        ("IpAddress", "aws:SourceIp", "here", "here"),
    ],
)
def test_a_condition_that_cannot_be_evaluated_is_named(operator, key, wanted, named):
    with pytest.raises(NotEvaluatedError, match=named):
        _holds(operator, key, wanted)


def test_a_false_part_decides_even_if_another_cannot_be_evaluated():
    unknown = {"StringEquals": {"aws:SourceVpce": "x"}, "Bool": {"aws:SecureTransport": "false"}}
    assert holds(unknown, CONTEXT, variables=True) is False
