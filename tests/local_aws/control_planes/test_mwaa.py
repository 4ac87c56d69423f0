import pytest
from botocore.exceptions import ClientError

from local_aws.control_planes.mwaa import Mwaa

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
