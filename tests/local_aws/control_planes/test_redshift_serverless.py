import json

import pytest
from botocore.exceptions import ClientError

from local_aws.control_planes.redshift_serverless import RedshiftServerless, _password_problem, new_password

ROLE = "arn:aws:iam::123456789012:role/copy"


class Manager:
    """Records the secrets that the service stores in Secrets Manager."""

    def __init__(self):
        self.secrets = {}

    def create_secret(self, *, Name, SecretString, **_rest):
        self.secrets[f"arn:{Name}"] = json.loads(SecretString)
        return {"ARN": f"arn:{Name}"}

    def delete_secret(self, *, SecretId, ForceDeleteWithoutRecovery):
        assert ForceDeleteWithoutRecovery
        del self.secrets[SecretId]


@pytest.fixture
def manager():
    return Manager()


@pytest.fixture
def databases():
    return []


@pytest.fixture
def service(resources, manager, databases):
    return RedshiftServerless(
        resources,
        secrets_client=lambda: manager,
        create_database=databases.append,
        drop_database=databases.remove,
    )


@pytest.fixture
def client(serve, service):
    return serve("redshift-serverless", service)


def _until(read, status):
    for _ in range(100):
        if read()["status"] == status:
            return
    raise AssertionError(f"never {status}: {read()}")


def _workgroup(client, name="prices"):
    return client.get_workgroup(workgroupName=name)["workgroup"]


@pytest.fixture
def prices(client):
    client.create_namespace(
        namespaceName="prices", dbName="crypto", adminUsername="boss", adminUserPassword="Secret-123", iamRoles=[ROLE]
    )
    client.create_workgroup(workgroupName="prices", namespaceName="prices", baseCapacity=8)
    _until(lambda: _workgroup(client), "AVAILABLE")
    return client


def test_a_namespace_has_the_members_that_aws_returns(client, databases):
    created = client.create_namespace(
        namespaceName="prices", dbName="crypto", adminUsername="boss", adminUserPassword="Secret-123",
        iamRoles=[ROLE], defaultIamRoleArn=ROLE, logExports=["userlog"], tags=[{"key": "team", "value": "data"}],
    )["namespace"]  # fmt: skip
    found = client.get_namespace(namespaceName="prices")["namespace"]
    assert found == created
    assert (
        found["namespaceArn"] == f"arn:aws:redshift-serverless:us-east-1:123456789012:namespace/{found['namespaceId']}"
    )
    assert found["iamRoles"] == [f"IamRole(applyStatus=in-sync, iamRoleArn={ROLE})"]
    assert (found["status"], found["dbName"], found["adminUsername"]) == ("AVAILABLE", "crypto", "boss")
    assert (found["defaultIamRoleArn"], found["logExports"]) == (ROLE, ["userlog"])
    assert "Secret" not in str(found)
    assert "password" not in {key.lower() for key in found}
    assert client.list_tags_for_resource(resourceArn=found["namespaceArn"])["tags"] == [
        {"key": "team", "value": "data"}
    ]
    assert databases == ["crypto"]


def test_a_workgroup_is_created_changed_and_deleted(client):
    client.create_namespace(namespaceName="prices")
    created = client.create_workgroup(workgroupName="prices", namespaceName="prices")["workgroup"]
    assert created["status"] == "CREATING"
    assert created["endpoint"] == {
        "address": "prices.123456789012.us-east-1.redshift-serverless.amazonaws.com", "port": 5439, "vpcEndpoints": [],
    }  # fmt: skip
    _until(lambda: _workgroup(client), "AVAILABLE")
    update = client.update_workgroup(
        workgroupName="prices",
        baseCapacity=16,
        maxCapacity=32,
        configParameters=[{"parameterKey": "max_query_execution_time", "parameterValue": "60"}],
    )["workgroup"]
    assert update["status"] == "MODIFYING"
    _until(lambda: _workgroup(client), "AVAILABLE")
    found = _workgroup(client)
    assert (found["baseCapacity"], found["maxCapacity"], found["creationDate"]) == (16, 32, created["creationDate"])
    parameters = {item["parameterKey"]: item["parameterValue"] for item in found["configParameters"]}
    assert (parameters["max_query_execution_time"], parameters["datestyle"]) == ("60", "ISO, MDY")
    assert client.delete_workgroup(workgroupName="prices")["workgroup"]["status"] == "DELETING"
    for _ in range(100):
        if not client.list_workgroups()["workgroups"]:
            break
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        _workgroup(client)


@pytest.mark.parametrize(
    ("call", "arguments", "code"),
    [
        ("get_namespace", {"namespaceName": "none"}, "ResourceNotFoundException"),
        ("update_namespace", {"namespaceName": "none"}, "ResourceNotFoundException"),
        ("delete_namespace", {"namespaceName": "none"}, "ResourceNotFoundException"),
        ("get_workgroup", {"workgroupName": "none"}, "ResourceNotFoundException"),
        ("create_workgroup", {"workgroupName": "new", "namespaceName": "none"}, "ResourceNotFoundException"),
        ("get_usage_limit", {"usageLimitId": "none"}, "ResourceNotFoundException"),
        ("list_tags_for_resource", {"resourceArn": "arn:none"}, "ResourceNotFoundException"),
        ("tag_resource", {"resourceArn": "arn:none", "tags": []}, "ResourceNotFoundException"),
        ("create_namespace", {"namespaceName": "prices"}, "ConflictException"),
        ("create_workgroup", {"workgroupName": "prices", "namespaceName": "prices"}, "ConflictException"),
        ("create_workgroup", {"workgroupName": "second", "namespaceName": "prices"}, "ConflictException"),
        ("delete_namespace", {"namespaceName": "prices"}, "ConflictException"),
        ("create_namespace", {"namespaceName": "other", "dbName": "crypto"}, "NotImplemented"),
        ("delete_namespace", {"namespaceName": "prices", "finalSnapshotName": "s"}, "NotImplemented"),
        ("create_namespace", {"namespaceName": "No_Capitals"}, "ValidationException"),
        ("create_namespace", {"namespaceName": "new", "dbName": "9x"}, "ValidationException"),
        ("create_namespace", {"namespaceName": "new", "iamRoles": ["copy"]}, "ValidationException"),
        ("create_namespace", {"namespaceName": "new", "defaultIamRoleArn": ROLE}, "ValidationException"),
        ("create_namespace", {"namespaceName": "new", "logExports": ["everything"]}, "ValidationException"),
        ("create_namespace", {"namespaceName": "new", "adminUserPassword": "Good-one-1"}, "ValidationException"),
        (
            "create_namespace",
            {"namespaceName": "new", "adminUsername": "a", "adminUserPassword": "weak"},
            "ValidationException",
        ),
        (
            "create_namespace",
            {
                "namespaceName": "new",
                "adminUsername": "a",
                "adminUserPassword": "Good-one-1",
                "manageAdminPassword": True,
            },
            "ValidationException",
        ),
        ("update_workgroup", {"workgroupName": "prices", "baseCapacity": 9}, "ValidationException"),
        ("update_workgroup", {"workgroupName": "prices", "maxCapacity": 4}, "ValidationException"),
        ("update_workgroup", {"workgroupName": "prices", "port": 80}, "ValidationException"),
        (
            "update_workgroup",
            {"workgroupName": "prices", "configParameters": [{"parameterKey": "x", "parameterValue": "y"}]},
            "ValidationException",
        ),
        ("list_namespaces", {"nextToken": "invented"}, "ValidationException"),
        (
            "create_namespace",
            {"namespaceName": "new", "redshiftIdcApplicationArn": "arn:aws:redshift:us-east-1:1:application/a"},
            "NotImplemented",
        ),
    ],
)
def test_requests_that_aws_refuses_are_refused(prices, call, arguments, code):
    with pytest.raises(ClientError) as caught:
        getattr(prices, call)(**arguments)
    assert caught.value.response["Error"]["Code"] == code
    assert [item["namespaceName"] for item in prices.list_namespaces()["namespaces"]] == ["prices"]


def _configure(client, key, value):
    parameter = {"parameterKey": key, "parameterValue": value}
    return client.update_workgroup(workgroupName="prices", configParameters=[parameter])["workgroup"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("enable_case_sensitive_identifier", "true"),
        ("datestyle", "ISO, DMY"),
        ("search_path", "crypto"),
        ("max_scan_row_count", "1000"),
        ("max_query_queue_time", "10"),
        ("wlm_json_configuration", "[]"),
    ],
)
def test_an_unsupported_setting_is_refused(prices, key, value):
    with pytest.raises(ClientError) as caught:
        _configure(prices, key, value)
    assert caught.value.response["Error"]["Code"] == "NotImplemented"
    with pytest.raises(ClientError, match="NotImplemented"):
        prices.create_workgroup(
            workgroupName="new",
            namespaceName=prices.create_namespace(namespaceName="new")["namespace"]["namespaceName"],
            configParameters=[{"parameterKey": key, "parameterValue": value}],
        )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("enable_case_sensitive_identifier", "false"),
        ("datestyle", "ISO,MDY"),
        ("search_path", "$user, public"),
        ("query_group", "loads"),
        ("require_ssl", "false"),
    ],
)
def test_a_default_or_a_setting_without_effect_is_accepted(prices, key, value):
    found = {
        item["parameterKey"]: item["parameterValue"] for item in _configure(prices, key, value)["configParameters"]
    }
    assert found[key] == value


def test_the_longest_execution_comes_from_the_workgroup(prices, service):
    assert service.longest_execution("prices") == 14400
    _configure(prices, "max_query_execution_time", "7")
    _until(lambda: _workgroup(prices), "AVAILABLE")
    assert service.longest_execution(_workgroup(prices)["workgroupArn"]) == 7
    for wrong in ("0", "86400", "ten"):
        with pytest.raises(prices.exceptions.ValidationException):
            _configure(prices, "max_query_execution_time", wrong)


def test_the_roles_of_a_workgroup_come_from_its_namespace(prices, service):
    assert service.associated_roles("prices") == [ROLE]
    assert service.associated_roles("none") == []


def test_the_arn_of_a_database_user_names_the_workgroups_id(prices, service):
    """https://docs.aws.amazon.com/redshift/latest/mgmt/authorizing-redshift-service-database-users.html"""
    workgroup = _workgroup(prices)
    arn = f"arn:aws:redshift:us-east-1:123456789012:dbuser:serverless-123456789012-{workgroup['workgroupId']}/admin"
    assert service.database_user_arn("prices", "admin") == arn
    assert service.database_user_arn(workgroup["workgroupArn"], "admin") == arn
    assert service.database_user_arn("none", "admin") is None


def test_a_refused_update_changes_nothing(prices):
    before = prices.get_namespace(namespaceName="prices")["namespace"]
    with pytest.raises(prices.exceptions.ValidationException):
        prices.update_namespace(namespaceName="prices", iamRoles=[], defaultIamRoleArn=ROLE)
    assert prices.get_namespace(namespaceName="prices")["namespace"] == before


def test_a_resource_that_is_not_available_cannot_be_changed(client):
    client.create_namespace(namespaceName="prices")
    client.create_workgroup(workgroupName="prices", namespaceName="prices")
    with pytest.raises(client.exceptions.ConflictException, match="CREATING"):
        client.update_workgroup(workgroupName="prices", baseCapacity=8)


def test_only_the_admins_password_is_valid(prices, service):
    arn = _workgroup(prices)["workgroupArn"]
    assert service.credentials_valid("prices", "boss", "Secret-123")
    assert service.credentials_valid(arn, "boss", "Secret-123")
    assert not service.credentials_valid("prices", "boss", "Secret-124")
    assert not service.credentials_valid("prices", "other", "Secret-123")
    assert not service.credentials_valid("none", "boss", "Secret-123")
    prices.update_namespace(namespaceName="prices", adminUsername="boss", adminUserPassword="Changed-123")
    assert service.credentials_valid("prices", "boss", "Changed-123")
    assert not service.credentials_valid("prices", "boss", "Secret-123")


def test_the_service_can_manage_the_password_itself(client, service, manager):
    created = client.create_namespace(namespaceName="prices", adminUsername="boss", manageAdminPassword=True)[
        "namespace"
    ]
    client.create_workgroup(workgroupName="prices", namespaceName="prices")
    secret = manager.secrets[created["adminPasswordSecretArn"]]
    assert secret["username"] == "boss"
    assert service.credentials_valid("prices", "boss", secret["password"])
    _until(lambda: _workgroup(client), "AVAILABLE")
    client.delete_workgroup(workgroupName="prices")
    while client.list_workgroups()["workgroups"]:
        pass  # each read moves the clock
    client.delete_namespace(namespaceName="prices")
    assert manager.secrets == {}


def test_deleting_a_namespace_drops_its_database(client, databases):
    client.create_namespace(namespaceName="prices", dbName="crypto")
    client.delete_namespace(namespaceName="prices")
    assert databases == []


def test_tags_and_usage_limits(prices):
    arn = _workgroup(prices)["workgroupArn"]
    prices.tag_resource(resourceArn=arn, tags=[{"key": "a", "value": "1"}, {"key": "b", "value": "2"}])
    prices.tag_resource(resourceArn=arn, tags=[{"key": "a", "value": "3"}])
    prices.untag_resource(resourceArn=arn, tagKeys=["b"])
    assert prices.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "a", "value": "3"}]
    limit = prices.create_usage_limit(resourceArn=arn, usageType="serverless-compute", amount=60)["usageLimit"]
    assert (limit["period"], limit["breachAction"]) == ("monthly", "log")
    with pytest.raises(prices.exceptions.ConflictException):
        prices.create_usage_limit(resourceArn=arn, usageType="serverless-compute", amount=60)
    reporting = {
        "resourceArn": arn,
        "usageType": "serverless-compute",
        "period": "daily",
        "breachAction": "emit-metric",
    }
    daily = prices.create_usage_limit(**reporting, amount=6)["usageLimit"]
    assert {key: daily[key] for key in reporting} == reporting
    prices.delete_usage_limit(usageLimitId=daily["usageLimitId"])
    prices.update_usage_limit(usageLimitId=limit["usageLimitId"], amount=90)
    assert prices.get_usage_limit(usageLimitId=limit["usageLimitId"])["usageLimit"]["amount"] == 90
    prices.delete_usage_limit(usageLimitId=limit["usageLimitId"])
    assert prices.list_usage_limits()["usageLimits"] == []


def test_everything_survives_a_restart(prices, resources, serve, tmp_path):
    from local_aws.control_planes.resources import Resources

    before = prices.get_namespace(namespaceName="prices")["namespace"], _workgroup(prices)
    again = serve(
        "redshift-serverless", RedshiftServerless(Resources(tmp_path / "resources.sqlite"), secrets_client=Manager)
    )
    assert (again.get_namespace(namespaceName="prices")["namespace"], _workgroup(again)) == before


def test_new_passwords_differ_and_satisfy_redshifts_rules():
    passwords = {new_password() for _ in range(20)}
    assert len(passwords) == 20
    assert {_password_problem(password) for password in passwords} == {None}


@pytest.mark.parametrize(
    "password", ["Short-1", "nouppercase1", "NOLOWERCASE1", "NoDigitsHere", "Has space 1", "Has@sign1"]
)
def test_passwords_that_redshift_refuses(password):
    assert _password_problem(password)
