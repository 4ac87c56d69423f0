import base64

import pytest

from local_aws.iam.actions import checks_of, known_keys
from local_aws.iam.context import Context, UnknownKeyError
from local_aws.protocol.errors import AwsError
from tests.support.iam_calls import KEY, FakeFacts, call, json_call, pairs, query_call

SECRET = "secretsmanager:secret:admin-AbCdEf"
WORKGROUP = "redshift-serverless:workgroup/w-id"


def _keys(checked, action, facts=None):
    return next(dict(check.keys) for check in checks_of(checked, facts or FakeFacts()) if check.action == action)


@pytest.mark.parametrize(
    ("operation", "params", "expected"),
    [
        ("GetSecretValue", {"SecretId": "admin"}, [("GetSecretValue", SECRET)]),
        (
            "GetSecretValue",
            {"SecretId": "arn:aws:secretsmanager:us-east-1:123456789012:secret:admin"},
            [("GetSecretValue", SECRET)],
        ),
        ("GetSecretValue", {"SecretId": "none"}, [("GetSecretValue", "secretsmanager:secret:none")]),
        ("DescribeSecret", {"SecretId": "admin"}, [("DescribeSecret", SECRET)]),
        ("CreateSecret", {"Name": "admin"}, [("CreateSecret", "secretsmanager:secret:admin")]),
        ("ListSecrets", {}, [("ListSecrets", "*")]),
        (
            "BatchGetSecretValue",
            {"SecretIdList": ["admin", "x"]},
            [("BatchGetSecretValue", "*"), ("GetSecretValue", SECRET), ("GetSecretValue", "secretsmanager:secret:x")],
        ),
    ],
)
def test_secrets_manager(operation, params, expected):
    wanted = [(f"secretsmanager:{action}", resource) for action, resource in expected]
    assert pairs(json_call("secretsmanager", operation, **params)) == wanted


def test_a_secret_with_a_customers_key():
    facts = FakeFacts(secret_key=KEY)
    reading = json_call("secretsmanager", "GetSecretValue", SecretId="admin", VersionStage="AWSCURRENT")
    assert pairs(reading, facts)[1:] == [("kms:Decrypt", "kms:key/k1")]
    keys = _keys(reading, "kms:Decrypt", facts)
    assert keys["kms:ViaService"] == ("secretsmanager.us-east-1.amazonaws.com",)
    assert keys["kms:EncryptionContext:SecretARN"][0].endswith(":secret:admin-AbCdEf")
    assert _keys(reading, "secretsmanager:GetSecretValue")["secretsmanager:VersionStage"] == ("AWSCURRENT",)
    writing = json_call("secretsmanager", "PutSecretValue", SecretId="admin", SecretString="x")
    assert [action for action, _ in pairs(writing, facts)[1:]] == ["kms:GenerateDataKey", "kms:Decrypt"]
    assert len(pairs(json_call("secretsmanager", "DescribeSecret", SecretId="admin"), facts)) == 1
    creating = json_call("secretsmanager", "CreateSecret", Name="n", SecretString="x", KmsKeyId="alias/mine")
    assert [action for action, _ in pairs(creating)[1:]] == ["kms:GenerateDataKey", "kms:Decrypt"]


@pytest.mark.parametrize(
    ("operation", "params", "expected"),
    [
        (
            "ExecuteStatement",
            {"WorkgroupName": "wg", "SecretArn": "s"},
            [("redshift-data:ExecuteStatement", WORKGROUP)],
        ),
        (
            "BatchExecuteStatement",
            {"WorkgroupName": "wg", "SecretArn": "s"},
            [("redshift-data:BatchExecuteStatement", WORKGROUP)],
        ),
        (
            "ExecuteStatement",
            {"WorkgroupName": "wg"},
            [("redshift-data:ExecuteStatement", WORKGROUP), ("redshift-serverless:GetCredentials", WORKGROUP)],
        ),
        (
            "ExecuteStatement",
            {"WorkgroupName": "no", "SecretArn": "s"},
            [("redshift-data:ExecuteStatement", "redshift-serverless:workgroup/no")],
        ),
        ("ListTables", {"WorkgroupName": "wg", "SecretArn": "s"}, [("redshift-data:ListTables", WORKGROUP)]),
        ("DescribeStatement", {"Id": "s1"}, [("redshift-data:DescribeStatement", "*")]),
        ("GetStatementResultV2", {"Id": "s1"}, [("redshift-data:GetStatementResult", "*")]),
        ("CancelStatement", {"Id": "s1"}, [("redshift-data:CancelStatement", "*")]),
    ],
)
def test_the_data_api(operation, params, expected):
    assert pairs(json_call("redshift-data", operation, **params)) == expected


@pytest.mark.parametrize("operation", ["DescribeStatement", "GetStatementResult", "CancelStatement"])
def test_the_owner_of_a_statement_is_a_condition_key(operation):
    key = "redshift-data:statement-owner-iam-userid"
    assert _keys(json_call("redshift-data", operation, Id="s1"), f"redshift-data:{operation}") == {key: ("AROA1:me",)}
    assert _keys(json_call("redshift-data", operation, Id="unknown"), f"redshift-data:{operation}") == {}
    assert key in known_keys("redshift-data:DescribeStatement")
    listing = json_call("redshift-data", "ListStatements")
    assert _keys(listing, "redshift-data:ListStatements") == {key: ("AROA1:me",)}


@pytest.mark.parametrize(
    ("checked", "expected"),
    [
        (
            json_call("redshift-serverless", "GetWorkgroup", workgroupName="wg"),
            [("redshift-serverless:GetWorkgroup", WORKGROUP)],
        ),
        (
            json_call("redshift-serverless", "GetNamespace", namespaceName="ns"),
            [("redshift-serverless:GetNamespace", "redshift-serverless:namespace/n-id")],
        ),
        (
            json_call("redshift-serverless", "CreateWorkgroup", workgroupName="new", namespaceName="ns"),
            [("redshift-serverless:CreateWorkgroup", "redshift-serverless:workgroup/*")],
        ),
        (
            json_call("redshift-serverless", "CreateNamespace", namespaceName="new"),
            [("redshift-serverless:CreateNamespace", "redshift-serverless:namespace/*")],
        ),
        (json_call("redshift-serverless", "ListWorkgroups"), [("redshift-serverless:ListWorkgroups", "*")]),
        (
            json_call("redshift-serverless", "CreateUsageLimit", resourceArn="arn:w", usageType="serverless-compute"),
            [("redshift-serverless:CreateUsageLimit", "*")],
        ),
        (
            json_call("redshift-serverless", "ListUsageLimits", resourceArn="arn:w"),
            [("redshift-serverless:ListUsageLimits", "*")],
        ),
        (
            json_call("redshift-serverless", "TagResource", resourceArn="arn:w", tags=[{"key": "a", "value": "b"}]),
            [("redshift-serverless:TagResource", "arn:w")],
        ),
        (
            call("airflow", "GetEnvironment", method="GET", path="/environments/dev"),
            [("airflow:GetEnvironment", "airflow:environment/dev")],
        ),
        (call("airflow", "ListEnvironments", method="GET", path="/environments"), [("airflow:ListEnvironments", "*")]),
        (
            call(
                "airflow", "TagResource", path="/tags/arn%3Aaws%3Aairflow%3Aus-east-1%3A123456789012%3Aenvironment/dev"
            ),
            [("airflow:TagResource", "airflow:environment/dev")],
        ),
        (
            json_call("logs", "CreateLogGroup", logGroupName="/a/b"),
            [("logs:CreateLogGroup", "logs:log-group:/a/b:log-stream:")],
        ),
        (
            json_call("logs", "PutLogEvents", logGroupName="/a/b", logStreamName="s"),
            [("logs:PutLogEvents", "logs:log-group:/a/b:log-stream:s")],
        ),
        (json_call("logs", "DescribeLogGroups"), [("logs:DescribeLogGroups", "logs:log-group::log-stream:")]),
        (
            json_call("logs", "TagResource", resourceArn="arn:aws:logs:us-east-1:123456789012:log-group:/a:*"),
            [("logs:TagResource", "logs:log-group:/a")],
        ),
        (json_call("monitoring", "PutMetricData", Namespace="N"), [("cloudwatch:PutMetricData", "*")]),
        (
            json_call("monitoring", "DescribeAlarms", AlarmNames=["a", "b"]),
            [("cloudwatch:DescribeAlarms", "cloudwatch:alarm:a"), ("cloudwatch:DescribeAlarms", "cloudwatch:alarm:b")],
        ),
        (
            json_call("monitoring", "PutMetricAlarm", AlarmName="a"),
            [("cloudwatch:PutMetricAlarm", "cloudwatch:alarm:a")],
        ),
        (json_call("events", "PutRule", Name="r"), [("events:PutRule", "events:rule/r")]),
        (json_call("events", "PutTargets", Rule="r", EventBusName="b"), [("events:PutTargets", "events:rule/b/r")]),
        (
            json_call("events", "PutEvents", Entries=[{"Source": "s"}]),
            [("events:PutEvents", "events:event-bus/default")],
        ),
        (query_call("sns", "Publish", TopicArn="arn:aws:sns:us-east-1:123456789012:t"), [("sns:Publish", "sns:t")]),
        (query_call("sns", "CreateTopic", Name="t"), [("sns:CreateTopic", "sns:t")]),
        (
            query_call("sns", "Unsubscribe", SubscriptionArn="arn:aws:sns:us-east-1:123456789012:t:uuid"),
            [("sns:Unsubscribe", "sns:t")],
        ),
        (
            query_call("sts", "AssumeRole", RoleArn="arn:aws:iam::123456789012:role/r"),
            [("sts:AssumeRole", "iam::123456789012:role/r")],
        ),
        (query_call("sts", "GetCallerIdentity"), []),
        (query_call("iam", "GetRole", RoleName="etl"), [("iam:GetRole", "iam::123456789012:role/path/etl")]),
        (
            query_call("iam", "CreateRole", RoleName="new", Path="/p/"),
            [("iam:CreateRole", "iam::123456789012:role/p/new")],
        ),
        (query_call("iam", "CreatePolicy", PolicyName="p"), [("iam:CreatePolicy", "iam::123456789012:policy/p")]),
        (
            query_call("iam", "GetPolicy", PolicyArn="arn:aws:iam::123456789012:policy/p"),
            [("iam:GetPolicy", "iam::123456789012:policy/p")],
        ),
        (
            query_call("iam", "AttachUserPolicy", UserName="u", PolicyArn="x"),
            [("iam:AttachUserPolicy", "iam::123456789012:user/u")],
        ),
        (query_call("iam", "ListRoles"), [("iam:ListRoles", "*")]),
        (query_call("ec2", "DescribeVpcs"), [("ec2:DescribeVpcs", "*")]),
        (
            json_call("budgets", "DescribeBudget", AccountId="1", BudgetName="b"),
            [("budgets:ViewBudget", "budgets::123456789012:budget/b")],
        ),
        (
            json_call("budgets", "CreateBudget", AccountId="1", Budget={"BudgetName": "b"}),
            [("budgets:ModifyBudget", "budgets::123456789012:budget/b")],
        ),
        (
            json_call("budgets", "UpdateBudget", AccountId="1", NewBudget={"BudgetName": "b"}),
            [("budgets:ModifyBudget", "budgets::123456789012:budget/b")],
        ),
        *(
            (
                json_call("budgets", name, ResourceARN="arn:aws:budgets::1:budget/b"),
                [(f"budgets:{name}", "budgets::1:budget/b")],
            )
            for name in ("ListTagsForResource", "TagResource", "UntagResource")
        ),
        *(
            (json_call("athena", name, **{member: "g"}), [(f"athena:{name}", "athena:workgroup/g")])
            for name, member in (
                ("CreateWorkGroup", "Name"),
                ("GetWorkGroup", "WorkGroup"),
                ("UpdateWorkGroup", "WorkGroup"),
                ("DeleteWorkGroup", "WorkGroup"),
                ("ListNamedQueries", "WorkGroup"),
            )
        ),
        (
            json_call("athena", "CreateNamedQuery", Name="q", WorkGroup="g"),
            [("athena:CreateNamedQuery", "athena:workgroup/g")],
        ),
        (json_call("athena", "CreateNamedQuery", Name="q"), [("athena:CreateNamedQuery", "athena:workgroup/primary")]),
        *(
            (json_call("athena", name, NamedQueryId=query), [(f"athena:{name}", f"athena:workgroup/{workgroup}")])
            for name in ("GetNamedQuery", "DeleteNamedQuery")
            for query, workgroup in (("q1", "analysts"), ("missing", "*"))
        ),
        *(
            (
                json_call("athena", name, ResourceARN="arn:aws:athena:us-east-1:123456789012:workgroup/g"),
                [(f"athena:{name}", "athena:workgroup/g")],
            )
            for name in ("ListTagsForResource", "TagResource", "UntagResource")
        ),
        (json_call("athena", "ListWorkGroups"), [("athena:ListWorkGroups", "*")]),
        (json_call("kms", "Encrypt", KeyId="alias/mine"), [("kms:Encrypt", "kms:key/k1")]),
        (
            json_call("kms", "Decrypt", CiphertextBlob=base64.b64encode(b"k1".ljust(36) + b"...").decode()),
            [("kms:Decrypt", "kms:key/" + "k1".ljust(36))],
        ),
        (
            json_call("kms", "ReEncrypt", SourceKeyId="k1", DestinationKeyId="k2"),
            [("kms:ReEncryptFrom", "kms:key/k1"), ("kms:ReEncryptTo", "kms:key/k2")],
        ),
        (
            json_call("kms", "CreateAlias", AliasName="alias/a", TargetKeyId="k1"),
            [("kms:CreateAlias", "kms:alias/a"), ("kms:CreateAlias", "kms:key/k1")],
        ),
        (json_call("kms", "CreateKey"), [("kms:CreateKey", "*")]),
    ],
)
def test_other_services(checked, expected):
    assert pairs(checked) == expected


@pytest.mark.parametrize(
    ("create", "expected"),
    [
        (
            lambda **tags: json_call(
                "budgets", "CreateBudget", Budget={"BudgetName": "b"}, **({"ResourceTags": [tags]} if tags else {})
            ),
            ["budgets:ModifyBudget", "budgets:TagResource"],
        ),
        (
            lambda **tags: json_call("athena", "CreateWorkGroup", Name="g", **({"Tags": [tags]} if tags else {})),
            ["athena:CreateWorkGroup", "athena:TagResource"],
        ),
        (
            lambda **tags: query_call(
                "monitoring", "PutMetricAlarm", AlarmName="a",
                **{f"Tags.member.1.{name}": value for name, value in tags.items()},
            ),
            ["cloudwatch:PutMetricAlarm", "cloudwatch:TagResource"],
        ),
        (
            lambda **tags: json_call("secretsmanager", "CreateSecret", Name="n", Tags=[tags] if tags else []),
            ["secretsmanager:CreateSecret", "secretsmanager:TagResource"],
        ),
        (
            lambda **tags: json_call(
                "redshift-serverless", "CreateNamespace", namespaceName="n", tags=[tags] if tags else []
            ),
            ["redshift-serverless:CreateNamespace", "redshift-serverless:TagResource"],
        ),
    ],
)  # fmt: skip
def test_a_resource_that_is_created_with_tags_needs_the_permission_to_tag(create, expected):
    untagged, tagged = pairs(create()), pairs(create(Key="team", Value="data"))
    assert [action for action, _ in untagged] == expected[:1]
    assert [action for action, _ in tagged] == expected
    assert len({resource for _, resource in tagged}) == 1


@pytest.mark.parametrize(
    ("checked", "action", "expected"),
    [
        (
            json_call("redshift-serverless", "UpdateWorkgroup", workgroupName="wg"),
            "redshift-serverless:UpdateWorkgroup",
            "mine",
        ),
        (
            json_call("redshift-serverless", "UpdateNamespace", namespaceName="ns"),
            "redshift-serverless:UpdateNamespace",
            "mine",
        ),
        (
            json_call("redshift-serverless", "UpdateWorkgroup", workgroupName="no"),
            "redshift-serverless:UpdateWorkgroup",
            None,
        ),
        (json_call("redshift-data", "ExecuteStatement", WorkgroupName="wg"), "redshift-data:ExecuteStatement", "mine"),
        (
            json_call("redshift-data", "ExecuteStatement", WorkgroupName="wg"),
            "redshift-serverless:GetCredentials",
            "mine",
        ),
        (json_call("redshift-data", "DescribeStatement", Id="s1"), "redshift-data:DescribeStatement", None),
        (json_call("athena", "UpdateWorkGroup", WorkGroup="analysts"), "athena:UpdateWorkGroup", "mine"),
        (json_call("athena", "GetNamedQuery", NamedQueryId="q1"), "athena:GetNamedQuery", "mine"),
        (json_call("athena", "UpdateWorkGroup", WorkGroup="other"), "athena:UpdateWorkGroup", None),
    ],
)
def test_the_tags_of_a_warehouse_and_of_a_workgroup_of_athena_are_known(checked, action, expected):
    context = Context.of(_keys(checked, action), known_keys(action))
    assert context.get("aws:ResourceTag/platform") == (None if expected is None else (expected,))


def test_the_tags_of_other_resources_are_unknown():
    with pytest.raises(UnknownKeyError):
        Context.of({}, known_keys("glue:UpdateJob")).get("aws:ResourceTag/platform")


def test_condition_keys_of_each_service():
    assert _keys(json_call("monitoring", "PutMetricData", Namespace="N"), "cloudwatch:PutMetricData") == {
        "cloudwatch:namespace": ("N",)
    }
    attach = query_call("iam", "AttachRolePolicy", RoleName="etl", PolicyArn="arn:p")
    assert _keys(attach, "iam:AttachRolePolicy") == {"iam:PolicyARN": ("arn:p",)}
    taken = query_call("sts", "AssumeRole", RoleArn="r", ExternalId="e", RoleSessionName="s")
    assert _keys(taken, "sts:AssumeRole") == {"sts:ExternalId": ("e",), "sts:RoleSessionName": ("s",)}
    encrypt = _keys(json_call("kms", "Encrypt", KeyId="alias/mine", EncryptionContext={"a": "b"}), "kms:Encrypt")
    assert (encrypt["kms:EncryptionContext:a"], encrypt["kms:RequestAlias"]) == (("b",), ("alias/mine",))


@pytest.mark.parametrize("body", [b"{", b"{\xff}"])
def test_a_body_that_cannot_be_parsed_is_refused(body):
    with pytest.raises(AwsError, match="SerializationException"):
        call("glue", "GetTable", body=body)
