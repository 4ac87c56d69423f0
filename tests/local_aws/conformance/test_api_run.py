"""The outcome of an API call."""

from __future__ import annotations

import boto3
import moto
import pytest

from local_aws.conformance.api_run import differences, run_api
from local_aws.conformance.example_files import ApiCall, ApiExample
from local_aws.conformance.outcome import Outcome
from local_aws.conformance.target import Target
from tests.support.conformance_targets import conformance_target


@pytest.mark.parametrize(
    ("expected", "found", "lacks"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, []),
        ({"a": {"b": "*"}}, {"a": {"b": 7}}, []),
        ({"a": {"b": "*"}}, {"a": {}}, ["a.b is missing"]),
        ({"a": [1]}, {"a": [1, 2]}, ["a: expected [1], found [1, 2]"]),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, ["a.0.b: expected 1, found 2"]),
    ],
)
def test_a_response_needs_the_documented_part(expected, found, lacks):
    assert differences(expected, found) == lacks


@pytest.fixture
def target():
    with moto.mock_aws():
        yield conformance_target()


def example(**changes):
    given = {
        "area": "iam",
        "name": "n",
        "source": "https://docs.aws.amazon.com/x",
        "call": ApiCall("GetUser", {"UserName": "{prefix}-user"}),
        "setup": [ApiCall("CreateUser", {"UserName": "{prefix}-user"}, save={"id": "User.UserId"})],
        "cleanup": [ApiCall("DeleteUser", {"UserName": "{prefix}-user"})],
        "response": {"User": {"UserName": "own-user", "UserId": "{id}"}},
    }
    return ApiExample(**{**given, **changes})


def found(target, **changes):
    (finding,) = run_api(target, [example(**changes)])
    return finding.outcome, finding.detail


def test_the_documented_part_of_a_response_is_right(target):
    assert found(target) == (Outcome.RIGHT, "")
    assert found(target, response={"User": {"Path": "/x/"}}) == (
        Outcome.WRONG,
        "User.Path: expected '/x/', found '/'",
    )


def test_what_an_example_creates_is_deleted(target):
    found(target, response={"User": {"Path": "/x/"}})
    assert boto3.client("iam", region_name="us-east-1").list_users()["Users"] == []


def test_the_documented_error_code_is_right(target):
    call = ApiCall("GetUser", {"UserName": "nobody"})
    assert found(target, call=call, response=None, error="NoSuchEntity") == (Outcome.RIGHT, "")
    assert found(target, call=call, response=None, error="AccessDenied")[0] is Outcome.WRONG
    assert found(target, response=None, error="NoSuchEntity") == (
        Outcome.WRONG,
        "expected the error NoSuchEntity, found none",
    )


def test_an_error_of_the_setup_is_not_the_documented_error(target):
    setup = [ApiCall("GetUser", {"UserName": "nobody"})]
    assert found(target, setup=setup, response=None, error="NoSuchEntity")[0] is Outcome.WRONG


def test_each_example_has_names_of_its_own(target):
    """A secret's or a role's name cannot be used again immediately."""
    own = ApiCall("CreateUser", {"UserName": "{own}"})
    both = [example(setup=[], call=own, cleanup=[], response={"User": {"UserName": "{own}"}}) for _ in range(2)]
    assert [(each.outcome, each.detail) for each in run_api(target, both)] == [(Outcome.RIGHT, "")] * 2


def test_a_call_that_waits_is_repeated_after_an_error(target, monkeypatch):
    """IAM finds what was created only after some seconds."""
    iam = target.client("iam")
    get_user, failures = iam.get_user, iter([1, 2])

    def finding_late(**request):
        return get_user(UserName="missing") if next(failures, None) else get_user(**request)

    monkeypatch.setattr(iam, "get_user", finding_late)
    monkeypatch.setattr(Target, "client", lambda _target, _service: iam)
    waiting = ApiCall("GetUser", {"UserName": "{prefix}-user"}, until={"User": {"UserName": "own-user"}})
    assert found(target, call=waiting) == (Outcome.RIGHT, "")
