import json

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local_aws.clients import local_client, local_session

READ = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
TRUST = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "glue.amazonaws.com"}}
ROOT = "arn:aws:iam::123456789012:root"


def document(*statements, **more):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements), **more})


@pytest.fixture(scope="module")
def iam(moto_endpoint):
    return local_client("iam", moto_endpoint)


@pytest.fixture(scope="module")
def policy(iam):
    return iam.create_policy(PolicyName="boundary", PolicyDocument=document(READ))["Policy"]["Arn"]


def refused(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"]


def test_a_users_boundary_is_stored_replaced_and_deleted(iam, policy):
    boundary = {"PermissionsBoundaryType": "PermissionsBoundaryPolicy", "PermissionsBoundaryArn": policy}
    created = iam.create_user(UserName="bounded", PermissionsBoundary=policy)["User"]
    assert created["PermissionsBoundary"] == iam.get_user(UserName="bounded")["User"]["PermissionsBoundary"] == boundary
    assert all("PermissionsBoundary" not in user for user in iam.list_users()["Users"])
    iam.delete_user_permissions_boundary(UserName="bounded")
    assert "PermissionsBoundary" not in iam.get_user(UserName="bounded")["User"]
    read_only = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    iam.put_user_permissions_boundary(UserName="bounded", PermissionsBoundary=read_only)
    assert iam.get_user(UserName="bounded")["User"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == read_only


def test_a_boundary_must_exist(iam):
    missing = "arn:aws:iam::123456789012:policy/missing"
    iam.create_role(RoleName="free", AssumeRolePolicyDocument=document(TRUST))
    iam.create_user(UserName="free")
    trust = {"AssumeRolePolicyDocument": document(TRUST)}
    for call, arguments in (
        (iam.create_user, {"UserName": "never"}),
        (iam.create_role, {"RoleName": "never", **trust}),
        (iam.put_user_permissions_boundary, {"UserName": "free"}),
        (iam.put_role_permissions_boundary, {"RoleName": "free"}),
    ):
        assert refused(call, PermissionsBoundary=missing, **arguments) == "NoSuchEntity"
    assert refused(iam.get_user, UserName="never") == refused(iam.get_role, RoleName="never") == "NoSuchEntity"


@pytest.mark.parametrize(
    "trust",
    [
        "{}",
        "not JSON",
        document(),
        document({**TRUST, "Effect": "Maybe"}),
        document({**TRUST, "Resource": "*"}),
        document({**TRUST, "Action": "s3:GetObject"}),
        document({name: value for name, value in TRUST.items() if name != "Principal"}),
    ],
)
def test_a_malformed_trust_policy_is_refused(iam, trust):
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html: MalformedPolicyDocument."""
    assert refused(iam.create_role, RoleName="r", AssumeRolePolicyDocument=trust) == "MalformedPolicyDocument"
    assert refused(iam.get_role, RoleName="r") == "NoSuchEntity"


@pytest.mark.parametrize("version", ["2008-10-17", None])
def test_a_trust_policy_may_have_the_old_version(iam, version):
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html."""
    trust = {"Statement": [TRUST]} | ({"Version": version} if version else {})
    iam.create_role(RoleName=f"old-{version}", AssumeRolePolicyDocument=json.dumps(trust))
    assert iam.get_role(RoleName=f"old-{version}")["Role"]["AssumeRolePolicyDocument"] == trust


def test_a_permissions_policy_names_no_principal(iam):
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html."""
    iam.create_role(RoleName="policies", AssumeRolePolicyDocument=document(TRUST))
    named = {"PolicyName": "p", "PolicyDocument": document({**READ, "Principal": "*"})}
    assert refused(iam.put_role_policy, RoleName="policies", **named) == "MalformedPolicyDocument"
    assert refused(iam.create_policy, **named) == "MalformedPolicyDocument"


def test_a_policy_in_use_cannot_be_deleted(iam):
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeletePolicy.html."""
    arn = iam.create_policy(PolicyName="used", PolicyDocument=document(READ))["Policy"]["Arn"]
    iam.create_group(GroupName="users-of-it")
    iam.attach_group_policy(GroupName="users-of-it", PolicyArn=arn)
    assert refused(iam.delete_policy, PolicyArn=arn) == "DeleteConflict"
    iam.detach_group_policy(GroupName="users-of-it", PolicyArn=arn)
    iam.create_user(UserName="within-it", PermissionsBoundary=arn)
    assert refused(iam.delete_policy, PolicyArn=arn) == "DeleteConflict"
    iam.delete_user(UserName="within-it")
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=document(READ))
    assert refused(iam.delete_policy, PolicyArn=arn) == "DeleteConflict"
    iam.delete_policy_version(PolicyArn=arn, VersionId="v2")
    iam.delete_policy(PolicyArn=arn)
    assert refused(iam.get_policy, PolicyArn=arn) == "NoSuchEntity"


def test_a_user_and_a_group_must_be_empty_to_be_deleted(iam):
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteUser.html and API_DeleteGroup.html."""
    iam.create_user(UserName="leaving")
    iam.create_group(GroupName="left")
    iam.add_user_to_group(UserName="leaving", GroupName="left")
    key = iam.create_access_key(UserName="leaving")["AccessKey"]["AccessKeyId"]
    assert refused(iam.delete_group, GroupName="left") == "DeleteConflict"
    assert refused(iam.delete_user, UserName="leaving") == "DeleteConflict"
    iam.delete_access_key(UserName="leaving", AccessKeyId=key)
    assert refused(iam.delete_user, UserName="leaving") == "DeleteConflict"
    iam.remove_user_from_group(UserName="leaving", GroupName="left")
    iam.delete_user(UserName="leaving")
    iam.put_group_policy(GroupName="left", PolicyName="p", PolicyDocument=document(READ))
    assert refused(iam.delete_group, GroupName="left") == "DeleteConflict"
    iam.delete_group_policy(GroupName="left", PolicyName="p")
    iam.delete_group(GroupName="left")
    assert refused(iam.get_group, GroupName="left") == "NoSuchEntity"


def test_the_callers_identity(iam, moto_endpoint):
    """The ids: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#principaltable."""

    def identity(session=None):
        found = local_client("sts", moto_endpoint, session).get_caller_identity()
        return found["Arn"], found["UserId"], found["Account"]

    assert identity() == (ROOT, "123456789012", "123456789012")
    user = iam.create_user(UserName="alice", Path="/people/")["User"]
    key = iam.create_access_key(UserName="alice")["AccessKey"]
    alice = local_session(access_key_id=key["AccessKeyId"], secret_access_key=key["SecretAccessKey"])
    arn = "arn:aws:iam::123456789012:user/people/alice"
    assert identity(alice) == (arn, user["UserId"], "123456789012")
    assert local_client("iam", moto_endpoint, alice).get_user()["User"]["Arn"] == arn
    role = iam.create_role(RoleName="task", Path="/jobs/", AssumeRolePolicyDocument=document(TRUST))["Role"]
    taken = local_client("sts", moto_endpoint).assume_role(RoleArn=role["Arn"], RoleSessionName="me")["Credentials"]
    session = local_session(
        access_key_id=taken["AccessKeyId"],
        secret_access_key=taken["SecretAccessKey"],
        session_token=taken["SessionToken"],
    )
    assert identity(session) == (
        "arn:aws:sts::123456789012:assumed-role/task/me",
        f"{role['RoleId']}:me",
        "123456789012",
    )
    assert refused(local_client("iam", moto_endpoint, session).get_user) == "ValidationError"
    assert refused(iam.get_user) == "NotImplemented"


def unchecked_sts(endpoint):
    """Return a client that sends what boto3 would refuse."""
    return local_session().client("sts", endpoint_url=endpoint, config=Config(parameter_validation=False))


def test_a_role_must_exist_and_allow_the_duration(iam, moto_endpoint):
    """https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html (DurationSeconds)."""
    sts = unchecked_sts(moto_endpoint)
    trust = document(TRUST)
    arn = iam.create_role(RoleName="long", AssumeRolePolicyDocument=trust, MaxSessionDuration=7200)["Role"]["Arn"]
    assert sts.assume_role(RoleArn=arn, RoleSessionName="me", DurationSeconds=7200)["Credentials"]
    assert refused(sts.assume_role, RoleArn=arn, RoleSessionName="me", DurationSeconds=7201) == "ValidationError"
    assert sts.assume_role(RoleArn=arn, RoleSessionName="me", DurationSeconds=900)["Credentials"]
    assert refused(sts.assume_role, RoleArn=arn, RoleSessionName="me", DurationSeconds=899) == "ValidationError"
    assert refused(sts.assume_role, RoleArn=f"{arn}er", RoleSessionName="me") == "AccessDenied"


def test_an_access_key_has_16_characters(moto_endpoint):
    """https://docs.aws.amazon.com/STS/latest/APIReference/API_GetAccessKeyInfo.html."""
    sts = unchecked_sts(moto_endpoint)
    assert refused(sts.get_access_key_info, AccessKeyId="A" * 15) == "ValidationError"
