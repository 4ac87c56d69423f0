import json

import pytest
from botocore.exceptions import ClientError

from local_aws.clients import local_client


@pytest.fixture(scope="module")
def s3(moto_endpoint):
    return local_client("s3", moto_endpoint)


@pytest.fixture(scope="module")
def ec2(moto_endpoint):
    return local_client("ec2", moto_endpoint)


def test_a_bucket_policy_is_stored_and_not_enforced(s3):
    """It is the recommended policy of every bucket, and no request on this machine uses TLS."""
    s3.create_bucket(Bucket="by-tls-only")
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "OnlyByTls",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": ["arn:aws:s3:::by-tls-only", "arn:aws:s3:::by-tls-only/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }
    s3.put_bucket_policy(Bucket="by-tls-only", Policy=json.dumps(policy))
    s3.put_object(Bucket="by-tls-only", Key="object", Body=b"content")
    assert s3.get_object(Bucket="by-tls-only", Key="object")["Body"].read() == b"content"
    deleted = s3.delete_objects(Bucket="by-tls-only", Delete={"Objects": [{"Key": "object"}]})
    assert [one["Key"] for one in deleted["Deleted"]] == ["object"]
    assert json.loads(s3.get_bucket_policy(Bucket="by-tls-only")["Policy"]) == policy


def test_a_rule_that_names_a_group_returns_its_description(ec2):
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    group = ec2.create_security_group(GroupName="airflow", Description="Airflow", VpcId=vpc)["GroupId"]
    to_itself = {"GroupId": group, "Description": "Within the environment"}
    ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2, "UserIdGroupPairs": [to_itself]}],
    )
    ec2.authorize_security_group_egress(
        GroupId=group,
        IpPermissions=[
            {
                "IpProtocol": "tcp",
                "FromPort": 443,
                "ToPort": 443,
                "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "APIs"}],
            }
        ],
    )
    found = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
    assert {rule.get("Description") for rule in found} == {"Within the environment", "APIs", None}

    [rule] = [rule for rule in found if rule.get("Description") == "Within the environment"]
    ec2.modify_security_group_rules(
        GroupId=group,
        SecurityGroupRules=[
            {
                "SecurityGroupRuleId": rule["SecurityGroupRuleId"],
                "SecurityGroupRule": {
                    "IpProtocol": "tcp",
                    "FromPort": 1,
                    "ToPort": 2,
                    "Description": "Changed",
                    "ReferencedGroupId": group,
                },
            }
        ],
    )
    found = ec2.describe_security_group_rules(SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]])["SecurityGroupRules"]
    assert found[0]["Description"] == "Changed"
    assert found[0]["ReferencedGroupInfo"]["GroupId"] == group


def versions(s3, bucket):
    listed = s3.list_object_versions(Bucket=bucket)
    return {
        kind: [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in listed.get(kind, [])]
        for kind in ("Versions", "DeleteMarkers")
    }


def test_a_bucket_with_suspended_versioning_can_be_emptied_by_version(s3):
    """Terraform destroys a bucket this way: it suspends versioning, then deletes each version and marker by its id."""
    bucket = "suspended"
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for content in (b"first", b"second"):
        s3.put_object(Bucket=bucket, Key="deleted", Body=content)
    s3.delete_object(Bucket=bucket, Key="deleted")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})

    found = versions(s3, bucket)
    assert (len(found["Versions"]), len(found["DeleteMarkers"])) == (2, 1)
    one, other = found["Versions"]
    s3.delete_object(Bucket=bucket, **one)
    assert versions(s3, bucket) == {**found, "Versions": [other]}
    for kind in ("Versions", "DeleteMarkers"):
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": versions(s3, bucket)[kind]})
        assert "Errors" not in answer
    assert versions(s3, bucket) == {"Versions": [], "DeleteMarkers": []}
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Suspended"
    s3.delete_bucket(Bucket=bucket)


def log_policy(**statement):
    allow = {
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": ["arn:aws:s3:::logs/bundle/*", "arn:aws:s3:::logs/lake/*"],
    } | statement
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::logs/*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [deny, allow]})


@pytest.mark.parametrize(
    ("statement", "right"),
    [
        ({}, True),
        ({"Action": ["s3:Put*"]}, True),
        ({"Principal": {"Service": "events.amazonaws.com"}}, False),
        ({"Action": "s3:GetObject"}, False),
        ({"Resource": "arn:aws:s3:::logs/bundle/*"}, False),
        ({"Effect": "Deny"}, False),
    ],
)
def test_access_logs_need_a_bucket_policy_that_allows_them(s3, statement, right):
    s3.create_bucket(Bucket="lake")
    s3.create_bucket(Bucket="logs")
    s3.put_bucket_policy(Bucket="logs", Policy=log_policy(**statement))
    s3.put_bucket_logging(Bucket="lake", BucketLoggingStatus={})
    logging = {"LoggingEnabled": {"TargetBucket": "logs", "TargetPrefix": "lake/"}}
    if right:
        s3.put_bucket_logging(Bucket="lake", BucketLoggingStatus=logging)
        assert s3.get_bucket_logging(Bucket="lake")["LoggingEnabled"]["TargetPrefix"] == "lake/"
    else:
        with pytest.raises(ClientError, match="InvalidTargetBucketForLogging"):
            s3.put_bucket_logging(Bucket="lake", BucketLoggingStatus=logging)


@pytest.mark.parametrize(("state", "matches"), [("FAILED", True), ("SUCCEEDED", False)])
def test_an_event_is_matched_against_a_pattern(moto_endpoint, state, matches):
    pattern = {"source": ["aws.glue"], "detail": {"state": ["FAILED", "TIMEOUT"]}}
    event = {"source": "aws.glue", "detail": {"state": state, "jobName": "a"}}
    answer = local_client("events", moto_endpoint).test_event_pattern(
        EventPattern=json.dumps(pattern), Event=json.dumps(event)
    )
    assert answer["Result"] is matches


def test_managed_policies_of_aws_can_be_attached(moto_endpoint):
    iam = local_client("iam", moto_endpoint)
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "glue.amazonaws.com"}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam.create_role(RoleName="reader", AssumeRolePolicyDocument=document)
    iam.attach_role_policy(RoleName="reader", PolicyArn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
    (attached,) = iam.list_attached_role_policies(RoleName="reader")["AttachedPolicies"]
    assert attached["PolicyName"] == "AmazonS3ReadOnlyAccess"


def test_a_job_has_the_documented_defaults(moto_endpoint):
    """https://docs.aws.amazon.com/glue/latest/webapi/API_CreateJob.html."""
    glue = local_client("glue", moto_endpoint)

    def job(name, command="glueetl", **members):
        command = {"Name": command, "ScriptLocation": "s3://b/k.py"}
        glue.create_job(Name=name, Role="r", Command=command, **members)
        found = glue.get_job(JobName=name)["Job"]
        capacity = found["ExecutionProperty"]["MaxConcurrentRuns"]
        return found["GlueVersion"], found.get("Timeout"), capacity, found["JobMode"]

    assert job("none") == ("5.1", 480, 1, "SCRIPT")
    assert job("old", GlueVersion="4.0") == ("4.0", 2880, 1, "SCRIPT")
    assert job("own", GlueVersion="6.0", Timeout=9, ExecutionProperty={"MaxConcurrentRuns": 3}) == (
        "6.0",
        9,
        3,
        "SCRIPT",
    )
    assert job("stream", "gluestreaming", GlueVersion="6.0")[1] is None
    definition = {"Role": "r", "Command": {"Name": "glueetl", "ScriptLocation": "s3://b/k.py"}, "GlueVersion": "4.0"}
    glue.update_job(JobName="own", JobUpdate=definition)
    updated = glue.get_job(JobName="own")["Job"]
    assert (updated["Timeout"], updated["ExecutionProperty"]) == (2880, {"MaxConcurrentRuns": 1})


def test_a_kms_key_has_the_documented_defaults(moto_endpoint):
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html."""
    kms = local_client("kms", moto_endpoint)
    key = kms.describe_key(KeyId=kms.create_key()["KeyMetadata"]["KeyId"])["KeyMetadata"]
    assert (key["KeyUsage"], key["KeySpec"], key["MultiRegion"], key["Origin"]) == (
        "ENCRYPT_DECRYPT",
        "SYMMETRIC_DEFAULT",
        False,
        "AWS_KMS",
    )
    key = kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec="RSA_2048", MultiRegion=True)["KeyMetadata"]
    assert (key["KeyUsage"], key["MultiRegion"]) == ("SIGN_VERIFY", True)
