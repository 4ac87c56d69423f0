import dataclasses
import json

import pytest

from local_aws.iam.authorization_log import AuthorizationLog, RecordedCheck, denied_under, read_log, resource_outcome
from local_aws.iam.policy import Finding, Verdict

CHECK = RecordedCheck(
    time="2024-01-01T00:00:00.000Z",
    request_id="r",
    service="s3",
    operation="GetObject",
    principal="arn:aws:sts::123456789012:assumed-role/etl/run",
    role="etl",
    action="s3:GetObject",
    resource="arn:aws:s3:::lake/raw/x",
    implied_by=None,
    keys={"aws:userid": ("AROA1:run",), "aws:PrincipalAccount": ("123456789012",), "s3:VersionId": ("v",)},
    allowed=True,
    reason="",
    policy="p",
    sid="Read",
    resource_policy="silent",
    resource_must_grant=False,
    limits_allow=True,
)


def _policies(*statements):
    return {"p": {"Version": "2012-10-17", "Statement": list(statements)}}


def _allow(action="s3:GetObject", resource="arn:aws:s3:::lake/raw/*", effect="Allow", **more):
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def test_written_checks_can_be_read(tmp_path):
    log = AuthorizationLog(tmp_path / "a.jsonl")
    denied = dataclasses.replace(CHECK, allowed=False, reason="because", policy=None, sid=None, role=None)
    log.write([CHECK, denied])
    assert list(read_log(tmp_path / "a.jsonl")) == [CHECK, denied]  # while the log is still open
    log.close()
    fields = json.loads((tmp_path / "a.jsonl").read_text().splitlines()[0])
    assert (fields["role"], fields["sid"], fields["keys"]["s3:VersionId"]) == ("etl", "Read", ["v"])


@pytest.mark.parametrize(
    ("statements", "denied"),
    [
        ([_allow()], False),
        ([_allow(action="s3:PutObject")], True),
        ([_allow(resource="arn:aws:s3:::lake/curated/*")], True),
        ([_allow(), _allow(effect="Deny")], True),
        ([_allow(Condition={"StringEquals": {"aws:userid": "${aws:userid}"}})], False),
        ([_allow(Condition={"StringEquals": {"aws:userid": "AROA2"}})], True),
        ([_allow(Condition={"StringEquals": {"s3:VersionId": "v"}})], False),
        ([_allow(Condition={"StringEquals": {"s3:prefix": "v"}})], True),  # known to be absent
        ([_allow(Condition={"StringEqualsIfExists": {"s3:prefix": "v"}})], False),
        ([_allow(Condition={"StringEquals": {"aws:SourceVpc": "v"}})], True),  # unknown here
    ],
)
def test_a_recorded_check_is_decided_again(statements, denied):
    assert denied_under(_policies(*statements), [CHECK]) == ([CHECK] if denied else [])


def test_checks_that_were_denied_before_are_not_listed():
    assert denied_under({}, [dataclasses.replace(CHECK, allowed=False)]) == []


@pytest.mark.parametrize(
    ("said", "must", "statements", "denied"),
    [
        ("allowed", False, [], False),
        ("denied", False, [_allow()], True),
        ("unknown", False, [_allow()], True),
        ("delegated", False, [], True),
        ("delegated", True, [_allow()], False),
        ("delegated", True, [], True),
        ("silent", True, [_allow()], True),
        ("allowed", True, [], False),
    ],
)
def test_the_resources_own_policy_keeps_its_result(said, must, statements, denied):
    check = dataclasses.replace(CHECK, resource_policy=said, resource_must_grant=must)
    policies = _policies(*statements) if statements else {}
    assert denied_under(policies, [check]) == ([check] if denied else [])


def test_limits_keep_their_result():
    check = dataclasses.replace(CHECK, limits_allow=False)
    assert denied_under(_policies(_allow()), [check]) == [check]


@pytest.mark.parametrize(
    ("verdict", "word"),
    [
        (Verdict(denied=Finding("p", "s"), allowed=Finding("p", "s")), "denied"),
        (Verdict(may_deny="x", allowed=Finding("p", "s")), "unknown"),
        (Verdict(allowed=Finding("p", "s"), delegated=Finding("p", "s")), "allowed"),
        (Verdict(delegated=Finding("p", "s")), "delegated"),
        (Verdict(may_allow="x"), "silent"),
    ],
)
def test_the_result_of_a_resources_policy_is_one_word(verdict, word):
    assert resource_outcome(verdict) == word
