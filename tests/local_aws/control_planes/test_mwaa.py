import json
import re

import pytest
from botocore.exceptions import ClientError
from botocore.model import ListShape, MapShape, StructureShape

from local_aws.control_planes.mwaa import Mwaa
from local_aws.protocol.errors import AwsError
from local_aws.protocol.requests import checked_request
from local_aws.protocol.service_models import load_service_model

REQUEST = {
    "Name": "crypto-prices",
    "ExecutionRoleArn": "arn:aws:iam::123456789012:role/mwaa",
    "SourceBucketArn": "arn:aws:s3:::lake",
    "DagS3Path": "dags",
    "NetworkConfiguration": {"SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]},
}


@pytest.fixture
def client(serve, resources):
    return serve("mwaa", Mwaa(resources))


def _environment(client):
    return client.get_environment(Name="crypto-prices")["Environment"]


def _until(client, status):
    for _ in range(100):
        if _environment(client)["Status"] == status:
            return
    raise AssertionError(f"never {status}: {_environment(client)['Status']}")


@pytest.fixture
def environment(client):
    client.create_environment(**REQUEST, Tags={"team": "data"})
    _until(client, "AVAILABLE")
    return client


def test_an_environment_has_the_members_that_aws_returns(client):
    arn = client.create_environment(
        **REQUEST,
        AirflowVersion="3.3.1",
        AirflowConfigurationOptions={"core.lazy_load_plugins": "False"},
        PluginsS3Path="plugins.zip",
        PluginsS3ObjectVersion="v1",
        LoggingConfiguration={"WorkerLogs": {"Enabled": True, "LogLevel": "WARNING"}},
        Tags={"team": "data"},
    )["Arn"]
    found = _environment(client)
    assert arn == found["Arn"] == "arn:aws:airflow:us-east-1:123456789012:environment/crypto-prices"
    assert found["Status"] == "CREATING"
    _until(client, "AVAILABLE")
    assert {key: found[key] for key in REQUEST} == REQUEST
    assert (found["EnvironmentClass"], found["MaxWorkers"], found["Schedulers"]) == ("mw1.small", 10, 2)
    assert found["LoggingConfiguration"]["WorkerLogs"] == {
        "Enabled": True,
        "LogLevel": "WARNING",
        "CloudWatchLogGroupArn": "arn:aws:logs:us-east-1:123456789012:log-group:airflow-crypto-prices-Worker",
    }
    assert (found["Tags"], found["PluginsS3ObjectVersion"]) == ({"team": "data"}, "v1")
    assert client.list_environments()["Environments"] == ["crypto-prices"]


def test_an_update_ends_and_is_described(environment):
    environment.update_environment(Name="crypto-prices", MaxWorkers=5, RequirementsS3Path="requirements.txt")
    found = _environment(environment)
    assert (found["Status"], found["LastUpdate"]["Status"]) == ("UPDATING", "PENDING")
    with pytest.raises(environment.exceptions.ValidationException, match="UPDATING"):
        environment.update_environment(Name="crypto-prices", MaxWorkers=6)
    _until(environment, "AVAILABLE")
    found = _environment(environment)
    assert (found["MaxWorkers"], found["LastUpdate"]["Status"]) == (5, "SUCCESS")
    assert found["NetworkConfiguration"] == REQUEST["NetworkConfiguration"]
    assert found["Tags"] == {"team": "data"}


def test_an_update_may_let_running_tasks_finish(environment):
    environment.update_environment(Name="crypto-prices", MaxWorkers=5, WorkerReplacementStrategy="GRACEFUL")
    assert _environment(environment)["LastUpdate"]["WorkerReplacementStrategy"] == "GRACEFUL"
    _until(environment, "AVAILABLE")
    # The strategy is one of the update, not of the environment: the next update has none.
    environment.update_environment(Name="crypto-prices", MaxWorkers=6)
    assert "WorkerReplacementStrategy" not in _environment(environment)["LastUpdate"]


@pytest.mark.parametrize("strategy", ["graceful", "WAIT", ""])
def test_an_unknown_worker_replacement_strategy_is_refused(environment, strategy):
    with pytest.raises(environment.exceptions.ValidationException):
        environment.update_environment(Name="crypto-prices", WorkerReplacementStrategy=strategy)
    assert "LastUpdate" not in _environment(environment)


def test_a_deletion_ends(environment):
    environment.delete_environment(Name="crypto-prices")
    for _ in range(100):
        if not environment.list_environments()["Environments"]:
            break
    with pytest.raises(environment.exceptions.ResourceNotFoundException):
        _environment(environment)


def test_tags_can_be_changed(environment):
    arn = _environment(environment)["Arn"]
    environment.tag_resource(ResourceArn=arn, Tags={"cost centre": "a/b"})
    environment.untag_resource(ResourceArn=arn, tagKeys=["team"])
    assert environment.list_tags_for_resource(ResourceArn=arn)["Tags"] == {"cost centre": "a/b"}
    assert _environment(environment)["Status"] == "AVAILABLE"


@pytest.mark.parametrize(
    "change",
    [
        {"AirflowVersion": "9.9.9"},
        {"EnvironmentClass": "mw1.huge"},
        {"MinWorkers": 11},
        {"Schedulers": 1},
        {"EnvironmentClass": "mw1.micro", "Schedulers": 2},
        {"MinWebservers": 5, "MaxWebservers": 2},
        {"PluginsS3ObjectVersion": "v1"},
        {"WebserverAccessMode": "OPEN"},
        {"WeeklyMaintenanceWindowStart": "SUN:03:15"},
        {"ExecutionRoleArn": "mwaa"},
        {"Name": "9-starts-with-a-digit"},
        # https://docs.aws.amazon.com/mwaa/latest/userguide/custom-keys-certs.html
        {"KmsKey": "arn:aws:kms:us-east-1:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab"},
        {"KmsKey": "arn:aws:kms:us-east-1:123456789012:alias/ours"},
        {"KmsKey": "alias/ours"},
    ],
)
def test_settings_that_mwaa_refuses_are_refused(client, change):
    with pytest.raises(client.exceptions.ValidationException):
        client.create_environment(**{**REQUEST, **change})
    assert client.list_environments()["Environments"] == []


@pytest.mark.parametrize(
    ("call", "arguments", "code"),
    [
        ("create_environment", REQUEST, "ValidationException"),  # MWAA has no ConflictException
        ("get_environment", {"Name": "none"}, "ResourceNotFoundException"),
        ("update_environment", {"Name": "none"}, "ResourceNotFoundException"),
        ("delete_environment", {"Name": "none"}, "ResourceNotFoundException"),
        ("create_web_login_token", {"Name": "crypto-prices"}, "NotImplemented"),
    ],
)
def test_unknown_and_duplicate_names_are_refused(environment, call, arguments, code):
    with pytest.raises(ClientError) as caught:
        getattr(environment, call)(**arguments)
    assert caught.value.response["Error"]["Code"] == code


def test_an_arn_of_another_account_is_not_found(environment):
    arn = "arn:aws:airflow:us-east-1:999999999999:environment/crypto-prices"
    with pytest.raises(environment.exceptions.ResourceNotFoundException):
        environment.list_tags_for_resource(ResourceArn=arn)


def test_names_are_listed_in_pages(client):
    for name in ("a", "b", "c"):
        client.create_environment(**{**REQUEST, "Name": name})
    first = client.list_environments(MaxResults=2)
    second = client.list_environments(MaxResults=2, NextToken=first["NextToken"])
    assert (first["Environments"], second["Environments"], "NextToken" in second) == (["a", "b"], ["c"], False)


MODEL = load_service_model("mwaa")
ARN = "arn:aws:airflow:us-east-1:123456789012:environment/crypto-prices"
# Requests with every member that has a constraint.
_SETTINGS = {
    "Name": "crypto-prices",
    "ExecutionRoleArn": "arn:aws:iam::123456789012:role/mwaa",
    "SourceBucketArn": "arn:aws:s3:::lake",
    "DagS3Path": "dags",
    "PluginsS3Path": "plugins.zip",
    "PluginsS3ObjectVersion": "v1",
    "RequirementsS3Path": "requirements.txt",
    "RequirementsS3ObjectVersion": "v1",
    "StartupScriptS3Path": "start.sh",
    "StartupScriptS3ObjectVersion": "v1",
    "AirflowConfigurationOptions": {"core.default_timezone": "utc"},
    "EnvironmentClass": "mw1.small",
    "MaxWorkers": 2,
    "MinWorkers": 1,
    "Schedulers": 2,
    "MinWebservers": 2,
    "MaxWebservers": 2,
    "AirflowVersion": "3.3.1",
    "WebserverAccessMode": "PRIVATE_ONLY",
    "WeeklyMaintenanceWindowStart": "SUN:03:30",
    "LoggingConfiguration": {
        f"{module}Logs": {"Enabled": True, "LogLevel": "INFO"}
        for module in ("DagProcessing", "Scheduler", "Task", "Webserver", "Worker")
    },
}
COMPLETE = {
    "CreateEnvironment": {
        **_SETTINGS,
        "NetworkConfiguration": REQUEST["NetworkConfiguration"],
        "KmsKey": "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "EndpointManagement": "SERVICE",
        "Tags": {"team": "data"},
    },
    "UpdateEnvironment": {
        **_SETTINGS,
        "NetworkConfiguration": {"SecurityGroupIds": ["sg-1"]},
        "WorkerReplacementStrategy": "GRACEFUL",
    },
    "GetEnvironment": {"Name": "crypto-prices"},
    "DeleteEnvironment": {"Name": "crypto-prices"},
    "ListEnvironments": {"NextToken": "t", "MaxResults": 1},
    "TagResource": {"ResourceArn": ARN, "Tags": {"team": "data"}},
    "UntagResource": {"ResourceArn": ARN, "tagKeys": ["team"]},
    "ListTagsForResource": {"ResourceArn": ARN},
}


def _violations(shape, value):
    """Yield changed values, each of which violates one constraint of the model, with the words of AWS's message."""
    limits = shape.metadata
    if isinstance(shape, StructureShape):
        for name in shape.required_members:
            yield {key: item for key, item in value.items() if key != name}, "Member must not be null"
        for name, member in shape.members.items():
            if name in value:
                for changed, words in _violations(member, value[name]):
                    yield {**value, name: changed}, words
    elif isinstance(shape, ListShape):
        yield from _sized(limits, "length", lambda size: [value[0]] * size)
        for changed, words in _violations(shape.member, value[0]):
            yield [changed, *value[1:]], words
    elif isinstance(shape, MapShape):
        ((key, item),) = value.items()
        yield from _sized(limits, "length", lambda size: {f"{key}{number}": item for number in range(size)})
        for changed, words in _violations(shape.key, key):
            yield {changed: item}, words
        for changed, words in _violations(shape.value, item):
            yield {key: changed}, words
    elif shape.type_name == "string":
        yield from _sized(limits, "length", lambda size: "a" * size)
        if "enum" in limits:
            yield f"{value}x", "Member must satisfy enum value set"
        if "pattern" in limits:  # no pattern of this model allows a line break, also not where it allows blanks
            yield f"{value}\n", "Member must satisfy regular expression pattern"
            if r"\d" in limits["pattern"] and re.search(r"\d", value):  # Java's digits are ASCII
                yield re.sub(r"\d", "\u0661", value), "Member must satisfy regular expression pattern"
    elif shape.type_name == "integer":
        yield from _sized(limits, "value", lambda size: size)


def _sized(limits, what, make):
    if limits.get("min", 0) > 0:
        yield make(limits["min"] - 1), f"{what} greater than or equal to {limits['min']}"
    if "max" in limits:
        yield make(limits["max"] + 1), f"{what} less than or equal to {limits['max']}"


def _refusal(operation, request):
    try:
        checked_request(MODEL, operation, json.dumps(request).encode())
    except AwsError as error:
        return error.code, error.message
    return None


@pytest.mark.parametrize("operation", sorted(COMPLETE))
def test_each_constraint_of_the_model_is_checked(operation):
    """https://docs.aws.amazon.com/mwaa/latest/API/API_CreateEnvironment.html and the pages of the other operations."""
    shape = MODEL.operation_model(operation).input_shape
    assert set(COMPLETE[operation]) == set(shape.members)
    assert _refusal(operation, COMPLETE[operation]) is None
    for request, words in _violations(shape, COMPLETE[operation]):
        code, message = _refusal(operation, request) or ("accepted", "")
        assert (code, words in message) == ("ValidationException", True), (request, words, message)


def test_each_operation_of_the_emulator_is_covered():
    assert set(COMPLETE) == {name for name in MODEL.operation_names if hasattr(Mwaa, name)}
