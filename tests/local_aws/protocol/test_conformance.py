"""The responses of the services that moto serves in the JSON protocol, as they are sent, against botocore's model."""

import json

import pytest

from local_aws.clients import local_client
from local_aws.protocol.service_models import load_service_model

TYPES = {"string": str, "boolean": bool, "integer": int, "long": int, "float": (int, float), "double": (int, float)}


def differences(shape, value, path):
    """Yield the differences between a JSON value and its shape in the model."""
    if shape.type_name == "structure":
        for name, item in value.items():
            member = shape.members.get(name)
            if member is None:
                yield f"{path}.{name} is unknown"
            else:
                yield from differences(member, item, f"{path}.{name}")
    elif shape.type_name == "list" and isinstance(value, list):
        for item in value:
            yield from differences(shape.member, item, f"{path}[]")
    elif shape.type_name == "map" and isinstance(value, dict):
        for item in value.values():
            yield from differences(shape.value, item, f"{path}{{}}")
    elif shape.type_name == "timestamp":
        if isinstance(value, bool) or not isinstance(value, int | float):
            yield f"{path} is {value!r}, not a timestamp"
    elif not isinstance(value, TYPES.get(shape.type_name, str)) or (
        isinstance(value, bool) and shape.type_name != "boolean"
    ):
        yield f"{path} is {value!r}, not a {shape.type_name}"


@pytest.fixture(scope="module")
def recorded(moto_endpoint):
    """Make a client whose responses are compared with the model, and the differences that were found."""
    found = []

    def client(service):
        made, model = local_client(service, moto_endpoint), load_service_model(service)

        def compare(response_dict, operation_model, **_more):
            body = json.loads(response_dict["body"])
            shape = model.operation_model(operation_model.name).output_shape
            if response_dict["status_code"] < 300:
                found.extend(differences(shape, body, operation_model.name) if shape else [body] if body else [])

        made.meta.events.register("before-parse", compare)
        return made

    return client, found


def secrets(client):
    client.create_secret(Name="s", SecretString="{}", Tags=[{"Key": "k", "Value": "v"}])
    client.put_secret_value(SecretId="s", SecretString="2")
    client.update_secret(SecretId="s", SecretString="3", Description="d")
    client.get_secret_value(SecretId="s")
    client.describe_secret(SecretId="s")
    client.list_secrets()
    client.list_secret_version_ids(SecretId="s")
    client.tag_resource(SecretId="s", Tags=[{"Key": "a", "Value": "b"}])
    client.untag_resource(SecretId="s", TagKeys=["a"])
    policy = {"Effect": "Deny", "Principal": "*", "Action": "secretsmanager:DeleteSecret", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [policy]})
    client.put_resource_policy(SecretId="s", ResourcePolicy=policy)
    client.get_resource_policy(SecretId="s")
    client.delete_resource_policy(SecretId="s")
    client.get_resource_policy(SecretId="s")
    client.get_random_password()
    client.delete_secret(SecretId="s")
    client.list_secrets(IncludePlannedDeletion=True)
    client.restore_secret(SecretId="s")


def logs(client):
    client.create_log_group(logGroupName="g", tags={"a": "b"})
    client.create_log_stream(logGroupName="g", logStreamName="s")
    client.create_log_stream(logGroupName="g", logStreamName="empty")
    events = [{"timestamp": 1_900_000_000_000, "message": "m"}]
    client.put_log_events(logGroupName="g", logStreamName="s", logEvents=events)
    client.get_log_events(logGroupName="g", logStreamName="s")
    client.filter_log_events(logGroupName="g")
    client.describe_log_streams(logGroupName="g")
    client.put_retention_policy(logGroupName="g", retentionInDays=7)
    client.describe_log_groups()
    transformation = {"metricName": "m", "metricNamespace": "n", "metricValue": "1"}
    client.put_metric_filter(
        logGroupName="g", filterName="f", filterPattern="x", metricTransformations=[transformation]
    )
    client.describe_metric_filters(logGroupName="g")
    client.list_tags_log_group(logGroupName="g")
    client.list_tags_for_resource(resourceArn="arn:aws:logs:us-east-1:123456789012:log-group:g")
    client.delete_log_stream(logGroupName="g", logStreamName="empty")
    client.delete_log_group(logGroupName="g")


def kms(client):
    key = client.create_key(Tags=[{"TagKey": "a", "TagValue": "b"}])["KeyMetadata"]["KeyId"]
    client.create_alias(AliasName="alias/k", TargetKeyId=key)
    client.list_aliases()
    client.list_keys()
    client.describe_key(KeyId=key)
    client.enable_key_rotation(KeyId=key)
    client.get_key_rotation_status(KeyId=key)
    client.get_key_policy(KeyId=key, PolicyName="default")
    client.list_resource_tags(KeyId=key)
    blob = client.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    client.decrypt(CiphertextBlob=blob)
    client.generate_data_key(KeyId=key, KeySpec="AES_256")
    client.list_grants(KeyId=key)
    client.disable_key(KeyId=key)
    client.schedule_key_deletion(KeyId=key)


def events(client):
    client.put_rule(Name="r", EventPattern='{"source": ["aws.glue"]}', Description="d")
    client.put_rule(Name="timed", ScheduleExpression="rate(1 day)")
    topic = {"Id": "t", "Arn": "arn:aws:sns:us-east-1:123456789012:t"}
    client.put_targets(Rule="r", Targets=[topic])
    client.list_targets_by_rule(Rule="r")
    client.describe_rule(Name="r")
    client.describe_rule(Name="timed")
    client.list_rules()
    client.list_rule_names_by_target(TargetArn=topic["Arn"])
    client.list_tags_for_resource(ResourceARN="arn:aws:events:us-east-1:123456789012:rule/r")
    client.list_event_buses()
    client.describe_event_bus()
    client.put_events(Entries=[{"Source": "a", "DetailType": "b", "Detail": "{}"}])
    client.remove_targets(Rule="r", Ids=["t"])
    client.delete_rule(Name="r")


def budgets(client):
    account = {"AccountId": "123456789012"}
    limit = {"Amount": "9", "Unit": "USD"}
    budget = {"BudgetName": "b", "TimeUnit": "MONTHLY", "BudgetType": "COST", "BudgetLimit": limit}
    client.create_budget(Budget=budget, **account)
    client.describe_budget(BudgetName="b", **account)
    client.describe_budgets(**account)
    client.describe_notifications_for_budget(BudgetName="b", **account)
    client.delete_budget(BudgetName="b", **account)


def glue(client):
    client.create_database(DatabaseInput={"Name": "d"})
    client.get_database(Name="d")
    column = {"Name": "c", "Type": "string"}
    storage = {"Columns": [column], "Location": "s3://b/t"}
    table = {"Name": "t", "StorageDescriptor": storage, "PartitionKeys": [{"Name": "p", "Type": "string"}]}
    client.create_table(DatabaseName="d", TableInput=table)
    client.get_table(DatabaseName="d", Name="t")
    client.get_tables(DatabaseName="d")
    client.create_partition(
        DatabaseName="d", TableName="t", PartitionInput={"Values": ["1"], "StorageDescriptor": storage}
    )
    client.get_partition(DatabaseName="d", TableName="t", PartitionValues=["1"])
    client.get_partitions(DatabaseName="d", TableName="t")
    client.create_job(Name="j", Role="r", Command={"Name": "glueetl", "ScriptLocation": "s3://b/k.py"})
    client.get_job(JobName="j")
    client.get_jobs()
    client.list_jobs()
    client.delete_job(JobName="j")


def cloudwatch(client):
    client.put_metric_data(Namespace="n", MetricData=[{"MetricName": "m", "Value": 2.5}])
    client.list_metrics()
    client.put_metric_alarm(
        AlarmName="a",
        Namespace="n",
        MetricName="m",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold",
    )
    client.describe_alarms()
    client.delete_alarms(AlarmNames=["a"])


@pytest.mark.parametrize("calls", [secrets, logs, kms, events, budgets, glue, cloudwatch], ids=lambda it: it.__name__)
def test_responses_have_only_the_models_members_and_types(recorded, calls):
    client, found = recorded
    found.clear()
    calls(client({"secrets": "secretsmanager"}.get(calls.__name__, calls.__name__)))
    assert not found
