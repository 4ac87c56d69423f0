import pytest
from botocore.exceptions import ClientError

from local_aws.control_planes.athena import Athena
from local_aws.control_planes.resources import Resources

NAME = "analysts"
ARN = f"arn:aws:athena:us-east-1:123456789012:workgroup/{NAME}"
KEY = {"EncryptionOption": "SSE_KMS", "KmsKey": "arn:aws:kms:us-east-1:123456789012:key/1"}
RESULTS = {"OutputLocation": "s3://lake/athena/", "EncryptionConfiguration": KEY}
CONFIGURATION = {
    "EnforceWorkGroupConfiguration": True,
    "PublishCloudWatchMetricsEnabled": True,
    "BytesScannedCutoffPerQuery": 10_000_000,
    "ResultConfiguration": RESULTS,
}
QUERY = {"Name": "closes", "Database": "crypto", "QueryString": "SELECT 1", "Description": "d", "WorkGroup": NAME}


@pytest.fixture
def client(serve, resources):
    return serve("athena", Athena(resources))


@pytest.fixture
def athena(client):
    """A client of an account with one workgroup."""
    tags = [{"Key": "platform", "Value": "dev"}]
    client.create_work_group(Name=NAME, Configuration=CONFIGURATION, Description="of analysts", Tags=tags)
    return client


def _configuration(client):
    return client.get_work_group(WorkGroup=NAME)["WorkGroup"]["Configuration"]


def _update(client, **updates):
    client.update_work_group(WorkGroup=NAME, ConfigurationUpdates=updates)


def _tags(client):
    return {tag["Key"]: tag["Value"] for tag in client.list_tags_for_resource(ResourceARN=ARN)["Tags"]}


def _refused(code, message):
    return pytest.raises(ClientError, match=rf"\({code}\).*{message}")


def test_a_workgroup_is_described_as_it_was_created(athena):
    found = athena.get_work_group(WorkGroup=NAME)["WorkGroup"]
    assert found["Configuration"] == {
        **CONFIGURATION,
        "RequesterPaysEnabled": False,
        "EngineVersion": {"SelectedEngineVersion": "AUTO", "EffectiveEngineVersion": "Athena engine version 3"},
    }
    assert (found["Name"], found["State"], found["Description"]) == (NAME, "ENABLED", "of analysts")
    assert athena.get_work_group(WorkGroup=NAME)["WorkGroup"]["CreationTime"] == found["CreationTime"]
    assert [(group["Name"], group["State"]) for group in athena.list_work_groups()["WorkGroups"]] == [
        ("primary", "ENABLED"), (NAME, "ENABLED"),
    ]  # fmt: skip


def test_the_state_survives_a_restart(athena, tmp_path):
    query = athena.create_named_query(**QUERY)["NamedQueryId"]
    reopened = Resources(tmp_path / "resources.sqlite")
    found = Athena(reopened)
    assert (found.workgroup_of(query), found.tags(ARN)) == (NAME, {"platform": "dev"})
    reopened.close()


@pytest.mark.parametrize("missing", ["EnforceWorkGroupConfiguration", "PublishCloudWatchMetricsEnabled"])
def test_a_setting_whose_default_is_not_documented_must_be_given(client, missing):
    configuration = {name: value for name, value in CONFIGURATION.items() if name != missing}
    with _refused("NotImplemented", missing):
        client.create_work_group(Name=NAME, Configuration=configuration)


@pytest.mark.parametrize(
    ("code", "message", "settings"),
    [
        ("NotImplemented", "ExecutionRole", {"ExecutionRole": "arn:aws:iam::123456789012:role/spark"}),
        ("NotImplemented", "PySpark", {"EngineVersion": {"SelectedEngineVersion": "PySpark engine version 3"}}),
        ("InvalidRequestException", "S3 path", {"ResultConfiguration": {"OutputLocation": "lake/athena/"}}),
    ],
)
def test_settings_that_cannot_be_stored_are_refused(client, code, message, settings):
    with _refused(code, message):
        client.create_work_group(Name=NAME, Configuration={**CONFIGURATION, **settings})
    assert len(client.list_work_groups()["WorkGroups"]) == 1


def test_an_update_keeps_what_it_does_not_name(athena):
    before = _configuration(athena)
    _update(athena, BytesScannedCutoffPerQuery=20_000_000, EngineVersion={"SelectedEngineVersion": "AUTO"})
    assert _configuration(athena) == {**before, "BytesScannedCutoffPerQuery": 20_000_000}
    _update(athena, ResultConfigurationUpdates={"OutputLocation": "s3://lake/other/"})
    assert _configuration(athena)["ResultConfiguration"] == {**RESULTS, "OutputLocation": "s3://lake/other/"}
    athena.update_work_group(WorkGroup=NAME, State="DISABLED", Description="closed")
    found = athena.get_work_group(WorkGroup=NAME)["WorkGroup"]
    assert (found["State"], found["Description"], _tags(athena)) == ("DISABLED", "closed", {"platform": "dev"})


def test_an_update_removes_settings(athena):
    _update(athena, RemoveBytesScannedCutoffPerQuery=True, ResultConfigurationUpdates={"RemoveOutputLocation": True})
    found = _configuration(athena)
    assert "BytesScannedCutoffPerQuery" not in found
    assert found["ResultConfiguration"] == {"EncryptionConfiguration": KEY}


@pytest.mark.parametrize(
    "updates",
    [
        {"RemoveBytesScannedCutoffPerQuery": True, "BytesScannedCutoffPerQuery": 20_000_000},
        {"ResultConfigurationUpdates": {"RemoveOutputLocation": True, "OutputLocation": "s3://lake/"}},
    ],
)
def test_a_setting_cannot_be_set_and_removed(athena, updates):
    with _refused("InvalidRequestException", "both set and removed"):
        _update(athena, **updates)


def test_a_workgroup_with_queries_is_deleted_only_on_request(athena):
    query = athena.create_named_query(**QUERY)["NamedQueryId"]
    with _refused("InvalidRequestException", "is not empty"):
        athena.delete_work_group(WorkGroup=NAME)
    athena.delete_work_group(WorkGroup=NAME, RecursiveDeleteOption=True)
    with _refused("InvalidRequestException", "is not found"):
        athena.get_work_group(WorkGroup=NAME)
    with _refused("InvalidRequestException", "does not exist"):
        athena.get_named_query(NamedQueryId=query)


def test_a_name_is_used_once(athena):
    with _refused("InvalidRequestException", "already created"):
        athena.create_work_group(Name=NAME, Configuration=CONFIGURATION)


def test_the_primary_workgroup_can_be_neither_created_nor_deleted_nor_described(client):
    with _refused("InvalidRequestException", "already created"):
        client.create_work_group(Name="primary", Configuration=CONFIGURATION)
    with _refused("InvalidRequestException", "cannot be deleted"):
        client.delete_work_group(WorkGroup="primary", RecursiveDeleteOption=True)
    with _refused("NotImplemented", "primary"):
        client.get_work_group(WorkGroup="primary")


def test_named_queries_are_listed_by_workgroup(athena):
    athena.create_work_group(Name="others", Configuration=CONFIGURATION)
    athena.create_named_query(**{**QUERY, "WorkGroup": "others"})
    query = athena.create_named_query(**QUERY)["NamedQueryId"]
    assert athena.list_named_queries(WorkGroup=NAME)["NamedQueryIds"] == [query]
    assert athena.get_named_query(NamedQueryId=query)["NamedQuery"] == {**QUERY, "NamedQueryId": query}
    athena.delete_named_query(NamedQueryId=query)
    assert athena.list_named_queries(WorkGroup=NAME)["NamedQueryIds"] == []
    with _refused("InvalidRequestException", "does not exist"):
        athena.delete_named_query(NamedQueryId=query)


def test_a_named_query_needs_its_workgroup(client):
    with _refused("InvalidRequestException", "is not found"):
        client.create_named_query(**QUERY)


def test_a_repeated_request_stores_one_query(athena):
    token = "t" * 32
    first = athena.create_named_query(**QUERY, ClientRequestToken=token)["NamedQueryId"]
    assert athena.create_named_query(**QUERY, ClientRequestToken=token)["NamedQueryId"] == first
    with _refused("InvalidRequestException", "ClientRequestToken"):
        athena.create_named_query(**{**QUERY, "QueryString": "SELECT 2"}, ClientRequestToken=token)
    assert athena.create_named_query(**QUERY)["NamedQueryId"] != first


def test_tags_are_added_changed_and_removed(athena):
    more = [{"Key": "platform", "Value": "prod"}, {"Key": "team", "Value": "data"}]
    athena.tag_resource(ResourceARN=ARN, Tags=more)
    assert _tags(athena) == {"platform": "prod", "team": "data"}
    athena.untag_resource(ResourceARN=ARN, TagKeys=["team"])
    assert _tags(athena) == {"platform": "prod"}
    with _refused("ResourceNotFoundException", "missing"):
        athena.list_tags_for_resource(ResourceARN=ARN.replace(NAME, "missing"))
    with _refused("InvalidRequestException", "at most 50"):
        athena.tag_resource(ResourceARN=ARN, Tags=[{"Key": str(number), "Value": ""} for number in range(50)])


def test_iam_sees_no_tags_of_a_workgroup_elsewhere(athena, resources):
    assert Athena(resources).tags(ARN.replace("us-east-1", "eu-central-1")) == {}
