"""Enforcement over HTTP: clients with credentials of roles and users against a front with moto behind it."""

import datetime as dt
import itertools
import json
import urllib.error
import urllib.request

import pytest
from botocore.exceptions import ClientError

from local_aws.clients import local_client, local_session
from local_aws.front.call_log import CallLog
from local_aws.front.server import Front, HttpServer
from local_aws.iam.account import Account
from local_aws.iam.authorization_log import AuthorizationLog, read_log
from local_aws.iam.guard import Guard
from local_aws.moto_backend.state import MotoState

ACCOUNT = "123456789012"
ANYBODY = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
GLUE = {"Effect": "Allow", "Principal": {"Service": "glue.amazonaws.com"}, "Action": "sts:AssumeRole"}
_numbers = itertools.count(1)


class Clock:
    """The guard's clock, which a test can advance."""

    ahead = dt.timedelta()

    def __call__(self):
        return dt.datetime.now(dt.UTC) + self.ahead


class Enforced:
    """A running front, and shortcuts for the tests."""

    def __init__(self, endpoint, log, clock):
        self.endpoint, self.log, self.clock = endpoint, log, clock
        self.iam, self.s3, self.kms = (self.client(name) for name in ("iam", "s3", "kms"))
        self.iam.create_user(UserName="person")
        key = self.iam.create_access_key(UserName="person")["AccessKey"]
        self.person = local_session(access_key_id=key["AccessKeyId"], secret_access_key=key["SecretAccessKey"])
        allow = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
        self.iam.put_user_policy(UserName="person", PolicyName="p", PolicyDocument=document(allow))

    def client(self, service, session=None):
        return local_client(service, self.endpoint, session)

    def role(self, *statements, trust=ANYBODY, **more):
        """Create a role and return its name and ARN."""
        name = f"role-{next(_numbers)}"
        arn = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust), **more)["Role"]["Arn"]
        self.allow(name, *statements)
        return name, arn

    def allow(self, name, *statements):
        if statements:
            self.iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=document(*statements))

    def take_on(self, arn, by=None, **more):
        sts = self.client("sts", by or self.person)
        taken = sts.assume_role(RoleArn=arn, RoleSessionName="session", **more)["Credentials"]
        return local_session(
            access_key_id=taken["AccessKeyId"],
            secret_access_key=taken["SecretAccessKey"],
            session_token=taken["SessionToken"],
        )

    def session(self, *statements, **more):
        """Return a session of a new role with these statements."""
        return self.take_on(self.role(*statements, **more)[1])

    def last_checks(self):
        checks = list(read_log(self.log))
        return [check for check in checks if check.request_id == checks[-1].request_id]


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action, resource="*", effect="Allow", **more):
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


@pytest.fixture(scope="module")
def aws(tmp_path_factory):
    folder = tmp_path_factory.mktemp("enforced")
    moto, calls = MotoState(folder / "journal.sqlite"), CallLog(folder / "calls.jsonl")
    log, clock = AuthorizationLog(folder / "authorizations.jsonl"), Clock()
    account = Account(
        standing_still=moto.standing_still,
        workgroup_arn=lambda _name: None,
        namespace_arn=lambda _name: None,
        redshift_tags=lambda _arn: {},
        athena_workgroup_of=lambda _id: None,
        athena_tags=lambda _arn: {},
        statement_owner=lambda _id: None,
    )
    sources = {"airflow-env.amazonaws.com": ["arn:aws:x:y:1:w"]}
    guard = Guard(account, log, source_arns=lambda service: sources.get(service, ()), now=clock)
    server = HttpServer(Front(moto=moto, services={}, call_log=calls, guard=guard), port=0)
    server.start()
    yield Enforced(server.endpoint, folder / "authorizations.jsonl", clock)
    server.stop()
    moto.close()
    calls.close()
    log.close()


@pytest.fixture(scope="module")
def bucket(aws):
    aws.s3.create_bucket(Bucket="lake")
    for key in ("raw/a", "raw/b", "curated/a"):
        aws.s3.put_object(Bucket="lake", Key=key, Body=b"x")
    return "lake"


def refused(call, **arguments):
    """Return the code, the message and the status of a refusal."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["Error"]["Message"], answer["ResponseMetadata"]["HTTPStatusCode"]


def test_a_role_with_one_permission_can_do_that_and_nothing_else(aws, bucket):
    name, arn = aws.role(allow("s3:GetObject", "arn:aws:s3:::lake/raw/*"))
    s3 = aws.client("s3", aws.take_on(arn))
    assert s3.get_object(Bucket=bucket, Key="raw/a")["Body"].read() == b"x"
    assert refused(s3.get_object, Bucket=bucket, Key="curated/a") == (
        "AccessDenied",
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/{name}/session is not authorized to perform: s3:GetObject on "
        'resource: "arn:aws:s3:::lake/curated/a" because no identity-based policy allows the s3:GetObject action',
        403,
    )
    for call, more in ((s3.put_object, {"Body": b""}), (s3.delete_object, {}), (s3.get_object_tagging, {})):
        assert refused(call, Bucket=bucket, Key="raw/a", **more)[0] == "AccessDenied"
    assert aws.s3.get_object(Bucket=bucket, Key="raw/a")["Body"].read() == b"x"


def test_a_changed_policy_applies_to_the_next_call(aws, bucket):
    name, arn = aws.role()
    s3 = aws.client("s3", aws.take_on(arn))
    assert refused(s3.list_objects_v2, Bucket=bucket)[0] == "AccessDenied"
    aws.allow(name, allow("s3:ListBucket", "arn:aws:s3:::lake"))
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 3
    aws.allow(name, allow("s3:ListBucket", "arn:aws:s3:::lake", Condition={"StringLike": {"s3:prefix": "raw/*"}}))
    assert s3.list_objects_v2(Bucket=bucket, Prefix="raw/")["KeyCount"] == 2
    assert refused(s3.list_objects_v2, Bucket=bucket)[0] == "AccessDenied"
    aws.iam.delete_role_policy(RoleName=name, PolicyName="inline")
    assert refused(s3.list_objects_v2, Bucket=bucket, Prefix="raw/")[0] == "AccessDenied"


def test_the_default_version_of_an_attached_policy_counts(aws, bucket):
    policy = aws.iam.create_policy(PolicyName="m", PolicyDocument=document(allow("s3:ListBucket")))["Policy"]["Arn"]
    name, arn = aws.role()
    aws.iam.attach_role_policy(RoleName=name, PolicyArn=policy)
    s3 = aws.client("s3", aws.take_on(arn))
    s3.head_bucket(Bucket=bucket)
    assert aws.last_checks()[0].policy == "m"
    nothing = document(allow("s3:GetObject"))
    aws.iam.create_policy_version(PolicyArn=policy, PolicyDocument=nothing, SetAsDefault=True)
    assert refused(s3.head_bucket, Bucket=bucket)[2] == 403


@pytest.mark.parametrize("call", ["get_object", "head_object"])
def test_a_missing_object_is_hidden_from_callers_that_may_not_list(aws, bucket, call):
    name, arn = aws.role(allow("s3:GetObject"))
    ask = getattr(aws.client("s3", aws.take_on(arn)), call)
    assert refused(ask, Bucket=bucket, Key="none")[2] == 403
    bound = allow("s3:ListBucket", Condition={"StringLike": {"s3:prefix": "*"}})
    aws.allow(name, allow("s3:GetObject"), bound)
    assert refused(ask, Bucket=bucket, Key="none")[2] == 403
    assert aws.last_checks()[-1].reason == "because no identity-based policy allows the s3:ListBucket action"
    aws.allow(name, allow(["s3:GetObject", "s3:ListBucket"]))
    assert refused(ask, Bucket=bucket, Key="none")[2] == 404


def test_deletes_of_many_skip_refused_objects(aws, bucket):
    for key in ("d/one", "keep/two"):
        aws.s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    s3 = aws.client("s3", aws.session(allow("s3:DeleteObject", "arn:aws:s3:::lake/d/*")))
    done = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "d/one"}, {"Key": "keep/two"}]})
    assert [deleted["Key"] for deleted in done["Deleted"]] == ["d/one"]
    assert [(error["Key"], error["Code"]) for error in done["Errors"]] == [("keep/two", "AccessDenied")]
    only = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "keep/two"}]})
    assert ("Deleted" in only, len(only["Errors"])) == (False, 1)
    aws.s3.head_object(Bucket=bucket, Key="keep/two")
    assert refused(aws.s3.head_object, Bucket=bucket, Key="d/one")[2] == 404


def test_a_bucket_policy_allows_denies_and_may_require_tls(aws):
    aws.s3.create_bucket(Bucket="guarded")
    aws.s3.put_object(Bucket="guarded", Key="k", Body=b"x")
    name, arn = aws.role()
    s3 = aws.client("s3", aws.take_on(arn))
    tls = {
        "Sid": "Tls", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
        "Resource": ["arn:aws:s3:::guarded", "arn:aws:s3:::guarded/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }  # fmt: skip
    read = {"Sid": "Read", "Effect": "Allow", "Principal": {"AWS": arn}, "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::guarded/*"}  # fmt: skip
    aws.s3.put_bucket_policy(Bucket="guarded", Policy=document(tls, read))
    assert s3.get_object(Bucket="guarded", Key="k")["Body"].read() == b"x"
    aws.s3.put_object(Bucket="guarded", Key="k2", Body=b"x")
    no_put = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::guarded/*"}
    aws.s3.put_bucket_policy(Bucket="guarded", Policy=document(tls, read, no_put))
    aws.allow(name, allow("s3:*"))
    for client in (s3, aws.s3):  # also the root user is denied
        code, message, _ = refused(client.put_object, Bucket="guarded", Key="k2", Body=b"x")
        assert (code, message.partition(" with ")[2]) == ("AccessDenied", "an explicit deny in a resource-based policy")


def test_an_object_with_a_customers_key_needs_the_key(aws):
    key = aws.kms.create_key()["KeyMetadata"]["Arn"]
    aws.kms.create_alias(AliasName="alias/lake", TargetKeyId=key)
    aws.s3.create_bucket(Bucket="encrypted")
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "alias/lake"}
    rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}]}
    aws.s3.put_bucket_encryption(Bucket="encrypted", ServerSideEncryptionConfiguration=rules)
    name, arn = aws.role(allow("s3:*"))
    s3 = aws.client("s3", aws.take_on(arn))
    message = refused(s3.put_object, Bucket="encrypted", Key="k", Body=b"x")[1]
    assert f'kms:GenerateDataKey on resource: "{key}" because no identity-based policy' in message
    via = {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}
    aws.allow(name, allow("s3:*"), allow("kms:GenerateDataKey", key, Condition=via))
    s3.put_object(Bucket="encrypted", Key="k", Body=b"x")
    check = aws.last_checks()[1]
    assert (check.action, check.resource_policy, check.resource_must_grant) == (
        "kms:GenerateDataKey",
        "delegated",
        True,
    )
    assert check.keys["kms:EncryptionContext:aws:s3:arn"] == ("arn:aws:s3:::encrypted",)
    assert "kms:Decrypt" in refused(s3.get_object, Bucket="encrypted", Key="k")[1]
    aws.allow(name, allow("s3:*"), allow("kms:Decrypt", key, Condition=via))
    assert s3.get_object(Bucket="encrypted", Key="k")["Body"].read() == b"x"
    kms = aws.client("kms", aws.take_on(arn))
    assert refused(kms.decrypt, KeyId=key, CiphertextBlob=b"x" * 100)[0] == "AccessDeniedException"  # not via S3
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/other"},
        "Action": "kms:*",
        "Resource": "*",
    }
    aws.kms.put_key_policy(KeyId=key, PolicyName="default", Policy=document(statement))
    assert (
        "because no resource-based policy allows the kms:Decrypt"
        in refused(s3.get_object, Bucket="encrypted", Key="k")[1]
    )


def test_a_multipart_upload_with_a_customers_key_has_to_decrypt(aws):
    key = aws.kms.create_key()["KeyMetadata"]["Arn"]
    aws.s3.create_bucket(Bucket="parts")
    name, arn = aws.role(allow("s3:*"), allow("kms:GenerateDataKey", key))
    s3 = aws.client("s3", aws.take_on(arn))
    where = {"Bucket": "parts", "Key": "k"}
    upload = s3.create_multipart_upload(**where, ServerSideEncryption="aws:kms", SSEKMSKeyId=key)["UploadId"]
    part = {**where, "UploadId": upload, "PartNumber": 1, "Body": b"x"}
    assert "kms:Decrypt" in refused(s3.upload_part, **part)[1]
    aws.allow(name, allow("s3:*"), allow(["kms:GenerateDataKey", "kms:Decrypt"], key))
    tag = s3.upload_part(**part)["ETag"]
    done = {"Parts": [{"PartNumber": 1, "ETag": tag}]}
    s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload=done)
    assert s3.get_object(**where)["SSEKMSKeyId"] == key


def test_a_secret_is_checked_by_its_full_arn_and_may_have_a_policy(aws):
    manager = aws.client("secretsmanager")
    secret = manager.create_secret(Name="warehouse/admin", SecretString="s")["ARN"]
    name, arn = aws.role(allow("secretsmanager:GetSecretValue", secret))
    reader = aws.client("secretsmanager", aws.take_on(arn))
    assert reader.get_secret_value(SecretId="warehouse/admin")["SecretString"] == "s"
    aws.allow(name, allow("secretsmanager:GetSecretValue", secret[:-7]))
    assert refused(reader.get_secret_value, SecretId="warehouse/admin")[::2] == ("AccessDeniedException", 400)
    grant = {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "secretsmanager:GetSecretValue", "Resource": "*"}
    manager.put_resource_policy(SecretId=secret, ResourcePolicy=document(grant))
    assert reader.get_secret_value(SecretId="warehouse/admin")["SecretString"] == "s"
    assert aws.last_checks()[0].policy == "resource policy of warehouse/admin"


def test_passing_a_role_needs_a_permission(aws):
    _, job_role = aws.role(trust=GLUE)
    name, arn = aws.role(allow("glue:CreateJob"))
    glue = aws.client("glue", aws.take_on(arn))
    job = {"Name": "j", "Role": job_role, "Command": {"Name": "glueetl", "ScriptLocation": "s3://b/k"}}
    code, message, _ = refused(glue.create_job, **job)
    assert (code, f"iam:PassRole on resource: {job_role} because" in message) == ("AccessDeniedException", True)
    to_mwaa = {"StringEquals": {"iam:PassedToService": "airflow.amazonaws.com"}}
    aws.allow(name, allow("glue:CreateJob"), allow("iam:PassRole", job_role, Condition=to_mwaa))
    assert "iam:PassRole" in refused(glue.create_job, **job)[1]
    to_glue = {"StringEquals": {"iam:PassedToService": "glue.amazonaws.com"}}
    aws.allow(name, allow("glue:CreateJob"), allow("iam:PassRole", job_role, Condition=to_glue))
    assert glue.create_job(**job)["Name"] == "j"


@pytest.mark.parametrize(
    ("service", "call", "code"),
    [
        ("s3", "list_buckets", "InvalidAccessKeyId"),
        ("iam", "list_roles", "InvalidClientTokenId"),
        ("sts", "get_caller_identity", "InvalidClientTokenId"),
        ("glue", "get_databases", "UnrecognizedClientException"),
        ("ec2", "describe_vpcs", "AuthFailure"),
    ],
)
def test_invalid_credentials_are_refused(aws, service, call, code):
    taken = aws.session(allow("*")).get_credentials()
    for key, token in (("AKIAUNKNOWN", None), (taken.access_key, "forged"), (taken.access_key, None)):
        client = aws.client(service, local_session(access_key_id=key, session_token=token))
        assert refused(getattr(client, call))[::2] == (code, 403)


def test_a_session_expires(aws):
    client = aws.client("glue", aws.session(allow("*")))
    client.get_databases()
    aws.clock.ahead = dt.timedelta(hours=1, seconds=1)
    try:
        assert refused(client.get_databases)[0] == "ExpiredTokenException"
    finally:
        aws.clock.ahead = dt.timedelta()


def test_a_session_ends_with_its_role(aws):
    name, arn = aws.role()
    client = aws.client("sts", aws.take_on(arn))
    assert client.get_caller_identity()["Arn"].endswith(f"{name}/session")
    aws.iam.delete_role(RoleName=name)
    assert refused(client.get_caller_identity)[0] == "InvalidClientTokenId"


def test_users_and_their_groups(aws):
    aws.iam.create_user(UserName="reader", Tags=[{"Key": "team", "Value": "data"}])
    key = aws.iam.create_access_key(UserName="reader")["AccessKey"]["AccessKeyId"]
    client = aws.client("sns", local_session(access_key_id=key))
    code, message, status = refused(client.list_topics)
    assert (code, status) == ("AuthorizationError", 403)
    assert message.startswith(f"User: arn:aws:iam::{ACCOUNT}:user/reader is not")
    aws.iam.create_group(GroupName="readers")
    mine = {"StringEquals": {"aws:PrincipalTag/team": "data", "aws:username": "reader"}}
    document_ = document(allow("sns:ListTopics", Condition=mine))
    aws.iam.put_group_policy(GroupName="readers", PolicyName="list", PolicyDocument=document_)
    assert refused(client.list_topics)[0] == "AuthorizationError"
    aws.iam.add_user_to_group(GroupName="readers", UserName="reader")
    client.list_topics()
    aws.iam.update_access_key(UserName="reader", AccessKeyId=key, Status="Inactive")
    assert refused(client.list_topics)[0] == "InvalidClientTokenId"


def test_only_trusted_callers_may_assume_a_role(aws):
    other = aws.take_on(aws.role(allow("sts:AssumeRole"))[1])
    _, closed = aws.role(trust=GLUE)
    assert "because no role trust policy allows" in refused(aws.take_on, arn=closed, by=other)[1]
    _, opened = aws.role(trust=ANYBODY)
    aws.take_on(opened, by=other)
    untrusted = aws.take_on(aws.role()[1])  # the trust policy delegates to the account's policies, and none allows it
    assert "because no identity-based policy allows" in refused(aws.take_on, arn=opened, by=untrusted)[1]
    denied = {**ANYBODY, "Effect": "Deny"}
    _, forbidden = aws.role(trust=denied)
    assert "an explicit deny in the role trust policy" in refused(aws.take_on, arn=forbidden, by=local_session())[1]


def test_a_service_assumes_the_roles_that_trust_it(aws):
    glue, redshift = (local_session(access_key_id=f"{name}.amazonaws.com") for name in ("glue", "redshift"))
    _, arn = aws.role(trust=GLUE)
    aws.take_on(arn, by=glue)
    assert aws.last_checks()[0].principal == "glue.amazonaws.com"
    assert "because no role trust policy allows" in refused(aws.take_on, arn=arn, by=redshift)[1]
    airflow = local_session(access_key_id="airflow-env.amazonaws.com")
    bound = {"ArnLike": {"aws:SourceArn": "arn:aws:x:*:*:w"}, "StringEquals": {"aws:SourceAccount": ACCOUNT}}
    both = {"Service": ["airflow-env.amazonaws.com", "glue.amazonaws.com"]}
    _, arn = aws.role(trust={**GLUE, "Principal": both, "Condition": bound})
    aws.take_on(arn, by=airflow)
    assert "cannot evaluate ArnLike aws:SourceArn" in refused(aws.take_on, arn=arn, by=glue)[1]


@pytest.mark.parametrize("name", ["redshift.amazonaws.com", "redshift-serverless.amazonaws.com"])
def test_redshift_sends_an_external_id_and_no_source(aws, name):
    """https://docs.aws.amazon.com/redshift/latest/mgmt/authorizing-redshift-service-database-users.html"""
    redshift, external_id = local_session(access_key_id=name), "arn:aws:redshift:us-east-1:1:dbuser:w/admin"

    def trusting(condition):
        return aws.role(trust={**GLUE, "Principal": {"Service": name}, "Condition": condition})[1]

    bound = trusting({"StringLike": {"sts:ExternalId": "arn:aws:redshift:us-east-1:1:dbuser:*/admin"}})
    aws.take_on(bound, by=redshift, ExternalId=external_id)
    for role, more in [
        (bound, {}),
        (bound, {"ExternalId": f"{external_id}2"}),
        (trusting({"StringEquals": {"aws:SourceAccount": ACCOUNT}}), {"ExternalId": external_id}),
        (trusting({"ArnLike": {"aws:SourceArn": "*"}}), {"ExternalId": external_id}),
    ]:
        assert "because no role trust policy allows" in refused(aws.take_on, arn=role, by=redshift, **more)[1]


@pytest.mark.parametrize("member", ["PolicyArns", "Tags"])
def test_unsupported_session_parameters_are_refused(aws, member):
    _, arn = aws.role()
    value = {"PolicyArns": [{"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}], "Tags": [{"Key": "k", "Value": "v"}]}
    code, message, status = refused(aws.take_on, arn=arn, **{member: value[member]})
    assert (code, status) == ("NotImplemented", 501)
    assert message.startswith(f"{member} in AssumeRole")


def test_session_policies_and_boundaries_limit(aws, bucket):
    _, arn = aws.role(allow("s3:*"))
    limited = aws.client("s3", aws.take_on(arn, Policy=document(allow("s3:GetObject"))))
    limited.get_object(Bucket=bucket, Key="raw/a")
    assert "because no session policy allows the s3:DeleteObject" in refused(
        limited.delete_object, Bucket=bucket, Key="raw/a"
    )[1]  # fmt: skip
    boundary = aws.iam.create_policy(PolicyName="b", PolicyDocument=document(allow("s3:GetObject")))["Policy"]["Arn"]
    bounded = aws.client("s3", aws.session(allow("s3:*"), PermissionsBoundary=boundary))
    bounded.get_object(Bucket=bucket, Key="raw/a")
    assert aws.last_checks()[0].limits_allow
    assert "because no permissions boundary allows the s3:DeleteObject" in refused(
        bounded.delete_object, Bucket=bucket, Key="raw/a"
    )[1]  # fmt: skip
    assert not aws.last_checks()[0].limits_allow


def test_a_users_boundary_limits(aws, bucket):
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html."""
    arn = aws.iam.create_policy(PolicyName="u", PolicyDocument=document(allow("s3:GetObject")))["Policy"]["Arn"]
    aws.iam.create_user(UserName="bounded", PermissionsBoundary=arn)
    aws.iam.put_user_policy(UserName="bounded", PolicyName="p", PolicyDocument=document(allow("s3:*")))
    key = aws.iam.create_access_key(UserName="bounded")["AccessKey"]
    session = local_session(access_key_id=key["AccessKeyId"], secret_access_key=key["SecretAccessKey"])
    s3 = aws.client("s3", session)
    s3.get_object(Bucket=bucket, Key="raw/a")
    assert "because no permissions boundary allows the s3:PutObject" in refused(
        s3.put_object, Bucket=bucket, Key="raw/b", Body=b""
    )[1]  # fmt: skip
    aws.iam.delete_user_permissions_boundary(UserName="bounded")
    s3.put_object(Bucket=bucket, Key="raw/b", Body=b"")


def test_a_condition_that_cannot_be_evaluated_is_named(aws, bucket):
    within = {"StringEquals": {"aws:SourceVpce": "vpce-1"}}
    s3 = aws.client("s3", aws.session(allow("s3:GetObject", Condition=within, Sid="It")))
    code, message, _ = refused(s3.get_object, Bucket=bucket, Key="raw/a")
    assert code == "AccessDenied"
    assert message.endswith("cannot evaluate StringEquals aws:SourceVpce in statement It of policy inline")


def test_metrics_can_be_restricted_to_a_namespace(aws):
    only = {"StringEquals": {"cloudwatch:namespace": "Mine"}}
    client = aws.client("cloudwatch", aws.session(allow("cloudwatch:PutMetricData", Condition=only)))
    data = [{"MetricName": "m", "Value": 1.0}]
    client.put_metric_data(Namespace="Mine", MetricData=data)
    assert refused(client.put_metric_data, Namespace="Other", MetricData=data)[0] == "AccessDenied"


def test_a_topics_default_policy_grants_no_access(aws):
    topic = aws.client("sns").create_topic(Name="t")["TopicArn"]
    client = aws.client("sns", aws.session())
    assert refused(client.publish, TopicArn=topic, Message="m")[0] == "AuthorizationError"


def test_every_check_is_recorded(aws, bucket):
    name, arn = aws.role(allow("s3:GetObject", "arn:aws:s3:::lake/raw/*", Sid="It"))
    s3 = aws.client("s3", aws.take_on(arn))
    s3.get_object(Bucket=bucket, Key="raw/a")
    (check,) = aws.last_checks()
    assert (check.role, check.operation, check.action, check.resource, check.allowed, check.policy, check.sid) == (
        name, "GetObject", "s3:GetObject", "arn:aws:s3:::lake/raw/a", True, "inline", "It",
    )  # fmt: skip
    assert check.keys["aws:PrincipalArn"] == (arn,)
    refused(s3.get_object, Bucket=bucket, Key="curated/a")
    (check,) = aws.last_checks()
    assert (check.allowed, check.policy) == (False, None)
    assert check.reason.startswith("because no identity-based policy")
    aws.s3.list_buckets()
    (check,) = aws.last_checks()
    assert (check.principal, check.role, check.sid) == (f"arn:aws:iam::{ACCOUNT}:root", None, "#1")


def test_a_presigned_url_is_checked_against_the_signers_policies(aws, bucket):
    name, arn = aws.role()
    s3 = aws.client("s3", aws.take_on(arn))
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "raw/a"})
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(url)
    assert caught.value.code == 403
    by_url = {"StringEquals": {"s3:authType": "REST-QUERY-STRING"}}
    aws.allow(name, allow("s3:GetObject", Condition=by_url))
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"x"
