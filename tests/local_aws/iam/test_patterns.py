import pytest

from local_aws.iam.context import Context, UnknownKeyError
from local_aws.iam.patterns import AbsentVariableError, arn_matches, like, matches

CONTEXT = Context.of(
    {"aws:userid": ("AROA1:me",), "aws:PrincipalTag/team": ("a*b",), "aws:CalledVia": ("x", "y")}, ("s3:prefix",)
)


@pytest.mark.parametrize(
    ("pattern", "value", "fits"),
    [
        ("raw/*", "raw/", True),
        ("raw/*", "raw/a/b\nc", True),
        ("raw/*", "Raw/a", False),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("a.c", "abc", False),
        ("[ab]", "a", False),
        ("*", "", True),
    ],
)
def test_wildcards(pattern, value, fits):
    assert like(pattern, value) is fits


def test_actions_are_case_insensitive():
    assert like("S3:getobject*", "s3:GetObjectVersion", ignore_case=True)


@pytest.mark.parametrize(
    ("pattern", "value", "fits"),
    [
        ("${aws:userid}/*", "AROA1:me/x", True),
        ("${aws:userid}/*", "AROA2:me/x", False),
        ("${aws:PrincipalTag/team}", "a*b", True),
        ("${aws:PrincipalTag/team}", "axb", False),  # the value of a variable is not a pattern
        ("${aws:PrincipalTag/none, 'all'}", "all", True),
        ("${aws:PrincipalTag/none,'all'}/x", "all/x", True),
        ("a${*}", "a*", True),
        ("a${*}", "ab", False),
        ("${?}${$}", "?$", True),
        ("a$b", "a$b", True),
    ],
)
def test_policy_variables(pattern, value, fits):
    assert matches(pattern, value, CONTEXT) is fits


def test_in_the_old_version_a_variable_is_text():
    assert matches("${aws:userid}", "${aws:userid}", None)


def test_a_variable_without_a_value_is_not_an_empty_string():
    with pytest.raises(AbsentVariableError):
        matches("${aws:username}*", "x", CONTEXT)


@pytest.mark.parametrize("variable", ["aws:SourceVpc", "aws:CalledVia"])
def test_a_variable_with_an_unknown_value_is_named(variable):
    with pytest.raises(UnknownKeyError, match=variable):
        matches(f"${{{variable}}}", "x", CONTEXT)


@pytest.mark.parametrize(
    ("pattern", "arn", "fits"),
    [
        ("*", "*", True),
        ("arn:aws:s3:::lake/raw/*", "arn:aws:s3:::lake/raw/a:b", True),
        ("arn:aws:s3:::lake/*", "arn:aws:s3:::lake", False),
        ("arn:aws:s3:::lake", "arn:aws:s3:::lake/x", False),
        ("arn:aws:glue:*:123456789012:job/j", "arn:aws:glue:us-east-1:123456789012:job/j", True),
        ("arn:aws:glue:us-*:job/j", "arn:aws:glue:us-east-1:123456789012:job/j", False),  # * does not cross fields
        ("arn:*", "arn:aws:s3:::lake", False),
        ("arn:aws:s3:::${aws:userid}", "arn:aws:s3:::AROA1:me", True),
        ("arn:aws:s3:::lake/*", "*", False),
        (
            "arn:aws:logs:us-east-1:1:log-group:/aws-glue/*:*",
            "arn:aws:logs:us-east-1:1:log-group:/aws-glue/jobs:log-stream:x",
            True,
        ),
    ],
)
def test_arns_are_compared_field_by_field(pattern, arn, fits):
    assert arn_matches(pattern, arn, CONTEXT) is fits


def test_an_incomplete_arn_is_completed_only_in_identity_based_policies():
    assert arn_matches("arn:aws:s3", "arn:aws:s3:::lake/x", None, complete=True)
    assert not arn_matches("arn:aws:s3", "arn:aws:s3:::lake/x", None)
    assert not arn_matches("arn:aws:sqs", "arn:aws:s3:::lake/x", None, complete=True)
