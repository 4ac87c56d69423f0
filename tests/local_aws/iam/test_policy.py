import pytest

from local_aws.iam.context import Context
from local_aws.iam.policy import NOTHING, Caller, PolicyError, Verdict, combine, judge, read_policy

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/etl"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/etl/run"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
CALLER = Caller(ACCOUNT, frozenset({ROLE, SESSION}))
SERVICE = Caller(ACCOUNT, services=frozenset({"glue.amazonaws.com"}))
CONTEXT = Context.of({"aws:userid": ("AROA1:run",), "aws:SecureTransport": ("true",)}, ("s3:prefix",))
OBJECT = "arn:aws:s3:::lake/raw/x"


def _policy(*statements, version="2012-10-17", name="p"):
    return read_policy(name, {"Version": version, "Statement": list(statements)})


def _statement(effect="Allow", action="s3:GetObject", resource="arn:aws:s3:::lake/*", **more):
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def _identity(*statements, action="s3:GetObject", resource=OBJECT, **more):
    return judge([_policy(*statements, **more)], "identity", action, resource, CONTEXT, CALLER)


def _resource(*statements, caller=CALLER, kind="resource"):
    return judge([_policy(*statements, name="b")], kind, "s3:GetObject", OBJECT, CONTEXT, caller)


@pytest.mark.parametrize(
    ("statement", "allowed"),
    [
        (_statement(), True),
        (_statement(action="S3:GETOBJECT"), True),
        (_statement(action=["s3:Put*", "s3:Get*"]), True),
        (_statement(action="*"), True),
        (_statement(action="s3:GetObjectVersion"), False),
        (_statement(resource="arn:aws:s3:::other/*"), False),
        (_statement(resource=["arn:aws:s3:::other/*", "*"]), True),
        (_statement(resource="arn:aws:s3:::lake"), False),
        ({"Effect": "Allow", "NotAction": "s3:Put*", "Resource": "*"}, True),
        ({"Effect": "Allow", "NotAction": ["s3:Put*", "s3:Get*"], "Resource": "*"}, False),
        ({"Effect": "Allow", "Action": "s3:*", "NotResource": "arn:aws:s3:::lake/curated/*"}, True),
        ({"Effect": "Allow", "Action": "s3:*", "NotResource": "arn:aws:s3:::lake/raw/*"}, False),
        ({"Effect": "Allow", "Action": "s3:*"}, False),
        (_statement(Condition={"StringEquals": {"aws:userid": "${aws:userid}"}}), True),
        (_statement(Condition={"Bool": {"aws:SecureTransport": "false"}}), False),
        (_statement(resource="arn:aws:s3:::lake/${aws:username}*"), False),
    ],
)
def test_statements(statement, allowed):
    assert (_identity(statement).allowed is not None) is allowed


def test_a_deny_wins_in_any_position():
    verdict = _identity(_statement(Sid="Read"), _statement("Deny", Sid="Never"))
    assert (verdict.allowed.sid, verdict.denied.sid) == ("Read", "Never")


def test_a_statement_without_a_sid_has_its_number():
    assert _identity(_statement(action="s3:Put*"), _statement()).allowed.sid == "#2"


def test_the_old_version_has_no_variables():
    mine = _statement(Condition={"StringEquals": {"aws:userid": "${aws:userid}"}})
    assert _identity(mine, version="2008-10-17").allowed is None


@pytest.mark.parametrize(
    ("statement", "side"),
    [
        (_statement(Condition={"StringEquals": {"aws:SourceVpce": "x"}}), "may_allow"),
        (_statement("Deny", Condition={"StringNotEquals": {"aws:SourceVpce": "x"}}), "may_deny"),
        (_statement(resource="arn:aws:s3:::lake/${aws:SourceVpc}"), "may_allow"),
    ],
)
def test_an_unknown_condition_is_neither_true_nor_false(statement, side):
    verdict = _identity(statement)
    assert (verdict.allowed, verdict.denied) == (None, None)
    assert "aws:SourceVp" in getattr(verdict, side)
    assert "statement #1 of policy p" in getattr(verdict, side)


def test_an_unknown_condition_of_another_action_does_not_matter():
    statement = _statement(action="s3:PutObject", Condition={"StringEquals": {"aws:SourceVpce": "x"}})
    assert _identity(statement) == NOTHING


@pytest.mark.parametrize(
    ("principal", "found"),
    [
        ({"Principal": "*"}, "allowed"),
        ({"Principal": {"AWS": "*"}}, "allowed"),
        ({"Principal": {"AWS": ROLE}}, "allowed"),
        ({"Principal": {"AWS": ["x", SESSION]}}, "allowed"),
        ({"Principal": {"AWS": ROOT}}, "delegated"),
        ({"Principal": {"AWS": ACCOUNT}}, "delegated"),
        ({"Principal": {"AWS": "arn:aws:iam::123456789012:role/other"}}, None),
        ({"Principal": {"AWS": "arn:aws:iam::999999999999:root"}}, None),
        ({"Principal": {"Service": "glue.amazonaws.com"}}, None),
        ({}, None),
        ({"NotPrincipal": {"AWS": "arn:aws:iam::999999999999:root"}}, "allowed"),
        ({"NotPrincipal": {"AWS": [ROLE, SESSION, ROOT]}}, None),
        ({"NotPrincipal": {"AWS": [ROLE, ROOT]}}, "allowed"),  # the session is not named
        ({"NotPrincipal": {"AWS": [ROLE, SESSION]}}, "allowed"),  # the account is not named
    ],
)
def test_the_principals_of_a_resources_policy(principal, found):
    verdict = _resource({**_statement(), **principal})
    assert {name for name in ("allowed", "delegated") if getattr(verdict, name)} == ({found} if found else set())


def test_services_match_by_name_or_by_a_deny_for_all():
    named = {**_statement(), "Principal": {"Service": ["x", "glue.amazonaws.com"]}}
    assert _resource(named, caller=SERVICE).allowed
    assert not _resource({**_statement(), "Principal": "*"}, caller=SERVICE).allowed
    assert not _resource({**_statement(), "Principal": {"AWS": ["*", ROOT]}}, caller=SERVICE).allowed
    assert _resource({**_statement("Deny"), "Principal": "*"}, caller=SERVICE).denied


def test_a_deny_for_the_account_includes_its_identities():
    assert _resource({**_statement("Deny"), "Principal": {"AWS": ROOT}}).denied


def test_an_unsupported_principal_is_named():
    assert "CanonicalUser" in _resource({**_statement(), "Principal": {"CanonicalUser": "x"}}).may_allow


def test_a_trust_policy_has_no_resource():
    trust = {"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "s3:GetObject"}
    assert _resource(trust, kind="trust").allowed
    assert not _resource(trust).allowed


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("{", "not JSON"),
        ({"Version": "2012-10-17"}, "no Statement"),
        ({"Version": "2020-01-01", "Statement": _statement()}, "2020-01-01"),
        ({"Statement": {"Effect": "allow", "Action": "*"}}, "Effect"),
        ({"Statement": {"Effect": "Allow"}}, "Action or NotAction"),
        ({"Statement": {**_statement(), "NotAction": "x"}}, "Action or NotAction"),
        ({"Statement": {**_statement(), "Actions": "x"}}, "Actions"),
    ],
)
def test_invalid_policies_are_refused(document, words):
    with pytest.raises(PolicyError, match=words):
        read_policy("p", document)


ALLOW = _identity(_statement(Sid="I"))
DENY = _identity(_statement("Deny", Sid="No"))
GRANT = _resource({**_statement(Sid="R"), "Principal": {"AWS": ROLE}})
DELEGATE = _resource({**_statement(Sid="D"), "Principal": {"AWS": ROOT}})
FORBID = _resource({**_statement("Deny", Sid="F"), "Principal": "*"})
MAY_ALLOW, MAY_DENY = Verdict(may_allow="StringEquals k"), Verdict(may_deny="StringEquals k")
BECAUSE = "because no {} allows the s3:GetObject action"


@pytest.mark.parametrize(
    ("identity", "resource", "must", "reason", "sid"),
    [
        (ALLOW, NOTHING, False, "", "I"),
        (NOTHING, GRANT, False, "", "R"),
        (NOTHING, NOTHING, False, BECAUSE.format("identity-based policy"), None),
        (NOTHING, DELEGATE, False, BECAUSE.format("identity-based policy"), None),
        (ALLOW, FORBID, False, "with an explicit deny in a resource-based policy", "F"),
        (DENY, GRANT, False, "with an explicit deny in an identity-based policy", "No"),
        # a KMS key
        (ALLOW, NOTHING, True, BECAUSE.format("resource-based policy"), None),
        (ALLOW, DELEGATE, True, "", "I"),
        (NOTHING, DELEGATE, True, BECAUSE.format("identity-based policy"), None),
        (NOTHING, GRANT, True, "", "R"),
        # conditions that cannot be evaluated
        (MAY_ALLOW, NOTHING, False, "because the local AWS cannot evaluate StringEquals k", None),
        (MAY_ALLOW, GRANT, False, "", "R"),
        (ALLOW, MAY_ALLOW, False, "", "I"),
        (ALLOW, MAY_ALLOW, True, "because the local AWS cannot evaluate StringEquals k", None),
        (ALLOW, MAY_DENY, False, "because the local AWS cannot evaluate StringEquals k", None),
        (MAY_DENY, FORBID, False, "with an explicit deny in a resource-based policy", "F"),
    ],
)
def test_combinations(identity, resource, must, reason, sid):
    decision = combine("s3:GetObject", identity=identity, resource=resource, must_be_granted_by_resource=must)
    assert (decision.allowed, decision.reason) == (reason == "", reason)
    assert (decision.found.sid if decision.found else None) == sid


def test_the_messages_for_a_trust_policy():
    silent = combine("sts:AssumeRole", identity=ALLOW, resource_kind="trust", must_be_granted_by_resource=True)
    assert silent.reason == "because no role trust policy allows the sts:AssumeRole action"
    denied = combine("sts:AssumeRole", identity=ALLOW, resource=FORBID, resource_kind="trust")
    assert denied.reason == "with an explicit deny in the role trust policy"


@pytest.mark.parametrize("name", ["session policy", "permissions boundary"])
def test_limits_must_allow_the_call_too(name):
    def reason(limit, identity=ALLOW):
        return combine("s3:GetObject", identity=identity, limits={name: limit}).reason

    assert reason(ALLOW) == ""
    assert reason(NOTHING) == BECAUSE.format(name)
    assert reason(DENY) == f"with an explicit deny in a {name}"
    assert reason(MAY_ALLOW) == "because the local AWS cannot evaluate StringEquals k"
    assert reason(ALLOW, NOTHING) == BECAUSE.format("identity-based policy")
