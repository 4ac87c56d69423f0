"""How the need for a permission is proven, with a fake role and a fake scenario."""

import datetime as dt
import json
from types import SimpleNamespace

import pytest

from dev.prove import least_privilege
from dev.prove.least_privilege import LeastPrivilege, Need
from dev.prove.not_exercised import Exceptions, NotExercised
from dev.prove.permissions import Permission
from dev.prove.scenarios import Step
from local_aws.iam.authorization_log import AuthorizationLog
from tests.support.recorded_checks import check

RAW = "arn:aws:s3:::lake/raw/*"
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Sid": "Lands", "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": RAW},
        {"Sid": "Queues", "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:::queue"},
    ],
}


class Iam:
    """Keeps one role's policy and the history of its changes."""

    def __init__(self):
        self.now, self.history = {"pipeline": POLICY}, []

    def list_attached_role_policies(self, **_):
        return {"AttachedPolicies": []}

    def list_role_policies(self, **_):
        return {"PolicyNames": list(self.now)}

    def get_role_policy(self, *, PolicyName, **_):
        return {"PolicyDocument": self.now[PolicyName]}

    def put_role_policy(self, *, RoleName, PolicyName, PolicyDocument):
        assert RoleName == "dev-mwaa"
        self.now[PolicyName] = json.loads(PolicyDocument)
        self.history.append(self.now[PolicyName])

    def delete_role_policy(self, *, PolicyName, **_):
        self.now.pop(PolicyName)

    def allows(self, action):
        return any(
            action in statement["Action"] for document in self.now.values() for statement in document["Statement"]
        )


@pytest.fixture
def iam():
    return Iam()


@pytest.fixture
def log(tmp_path):
    return AuthorizationLog(tmp_path / "authorizations.jsonl")


@pytest.fixture
def privilege(iam, log, tmp_path, monkeypatch):
    """A role whose only scenario reads and writes.

    The scenario fails when an action is denied, unless the action is in ``ignored``.
    """
    ignored = set()

    def load(_platform, day):
        days.append(day)
        for action in ("s3:PutObject", "s3:GetObject"):
            allowed = iam.allows(action)
            log.write([check(action, "arn:aws:s3:::lake/raw/a", role="dev-mwaa", allowed=allowed)])
            if not allowed and action not in ignored:
                return [Step(f"load: {action}", "AccessDenied")]
        return [Step("load")]

    days = []
    monkeypatch.setattr(least_privilege, "SCENARIOS", {"load": load})
    platform = SimpleNamespace(client=lambda _service: iam, renew_credentials=lambda: None)
    found = LeastPrivilege(
        platform, {"mwaa": "dev-mwaa"}, tmp_path / "authorizations.jsonl", first_day=dt.date(2024, 1, 5)
    )
    return SimpleNamespace(proof=found, days=days, ignored=ignored)


NOT_EXERCISED = Exceptions((NotExercised("mwaa", "Queues", "*", "no queue"),))


def test_each_permission_has_a_scenario_or_a_reason(privilege):
    records = privilege.proof.run_all(lambda _: None)
    needs = privilege.proof.needs(records, NOT_EXERCISED)
    assert [(need.permission.action, need.scenario, need.reason) for need in needs] == [
        ("s3:GetObject", "load", None),
        ("s3:PutObject", "load", None),
        ("sqs:SendMessage", None, "no queue"),
    ]


def test_removing_a_permission_fails_a_step_and_the_permission_is_restored(privilege, iam):
    records = privilege.proof.run_all(lambda _: None)
    removals = list(privilege.proof.take_away(privilege.proof.removals(records, NOT_EXERCISED)))
    assert [(each.need.permission.action, each.red.name, each.denied) for each in removals] == [
        ("s3:GetObject", "load: s3:GetObject", True),
        ("s3:PutObject", "load: s3:PutObject", True),
    ]
    assert iam.now == {"pipeline": POLICY}
    assert len(iam.history) == 4
    assert len(set(privilege.days)) == len(privilege.days) == 3


def test_a_scenario_that_succeeds_without_a_permission_is_found(privilege):
    records = privilege.proof.run_all(lambda _: None)
    privilege.ignored.add("s3:GetObject")
    removals = list(privilege.proof.take_away(privilege.proof.removals(records, NOT_EXERCISED)))
    assert next(each.red for each in removals) is None
    assert removals[1].red is not None


def test_a_step_that_fails_for_another_reason_is_found(privilege, iam, monkeypatch):
    records = privilege.proof.run_all(lambda _: None)
    monkeypatch.setattr(least_privilege, "SCENARIOS", {"load": lambda *_: [Step("load", "the disk is full")]})
    removals = list(privilege.proof.take_away(privilege.proof.removals(records, NOT_EXERCISED)))
    assert [(each.red.error, each.denied) for each in removals] == [("the disk is full", False)] * 2


@pytest.mark.parametrize(
    ("removed", "action", "resource", "denied"),
    [
        ("s3:GetObject", "s3:GetObject", "arn:aws:s3:::lake/raw/a", True),
        ("s3:GetObject", "s3:PutObject", "arn:aws:s3:::lake/raw/a", False),
        ("s3:GetObject", "s3:GetObject", "arn:aws:s3:::other/raw/a", False),
        ("", "s3:PutObject", "arn:aws:s3:::lake/raw/a", True),
        ("", "s3:PutObject", "arn:aws:s3:::other/raw/a", False),
    ],
)
def test_only_a_denial_of_the_removed_permission_counts(privilege, log, monkeypatch, removed, action, resource, denied):
    def load(_platform, _day):
        log.write([check(action, resource, role="dev-mwaa", allowed=False)])
        return [Step("load", "AccessDenied")]

    monkeypatch.setattr(least_privilege, "SCENARIOS", {"load": load})
    taken = Permission("dev-mwaa", "pipeline", "Lands", removed, RAW)
    need = Need(taken, "load", check("s3:GetObject", "arn:aws:s3:::lake/raw/a", role="dev-mwaa"), None)
    (removal,) = privilege.proof.take_away([need])
    assert removal.denied is denied


def test_a_permission_is_restored_when_the_scenario_raises(privilege, iam, monkeypatch):
    def breaks(*_):
        raise RuntimeError("the process is gone")

    records = privilege.proof.run_all(lambda _: None)
    monkeypatch.setattr(least_privilege, "SCENARIOS", {"load": breaks})
    with pytest.raises(RuntimeError, match="the process is gone"):
        list(privilege.proof.take_away(privilege.proof.removals(records, NOT_EXERCISED)))
    assert iam.now == {"pipeline": POLICY}


def test_a_failed_scenario_stops_the_run(privilege, monkeypatch):
    monkeypatch.setattr(
        least_privilege, "SCENARIOS", {"red": lambda *_: [Step("load", "no")], "never": lambda *_: [Step("load")]}
    )
    assert [record.name for record in privilege.proof.run_all(lambda _: None)] == ["red"]


def test_managed_policies_are_rejected(privilege, iam, monkeypatch):
    attached = [{"PolicyName": "AdministratorAccess"}]
    monkeypatch.setattr(iam, "list_attached_role_policies", lambda **_: {"AttachedPolicies": attached})
    with pytest.raises(ValueError, match=r"dev-mwaa has managed policies.*AdministratorAccess"):
        privilege.proof.documents("mwaa")
