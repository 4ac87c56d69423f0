import datetime as dt
import json
import math
import urllib.error
import urllib.parse
import urllib.request

import boto3
import pytest
from botocore.exceptions import ClientError

from local_aws.clients import local_client
from local_aws.front.server import HttpServer
from local_aws.protocol.errors import AwsError, error_response
from local_aws.protocol.service import WireService
from local_aws.protocol.service_models import load_service_model

MOMENT = dt.datetime(2024, 2, 29, 12, 30, 15, 250000, tzinfo=dt.UTC)


class Statements:
    """A handler of the Redshift Data API that returns the response of the test."""

    def __init__(self):
        self.seen = []
        self.response = {}

    def ExecuteStatement(self, context, params):
        self.seen.append((context, params))
        if isinstance(self.response, Exception):
            raise self.response
        return self.response

    def GetStatementResult(self, context, params):
        return self.response


class Environments:
    """A handler of MWAA that records its requests."""

    def __init__(self):
        self.seen = []

    def _record(self, context, params):
        self.seen.append(params)
        return {}

    TagResource = UntagResource = CreateEnvironment = _record

    def ListEnvironments(self, context, params):
        self.seen.append(params)
        return {"Environments": ["one"], "NextToken": "more"}


@pytest.fixture(scope="module")
def statements():
    yield from _served("redshift-data", Statements())


@pytest.fixture(scope="module")
def environments():
    yield from _served("mwaa", Environments())


def _served(service, handler):
    wire = WireService(service, handler)

    def application(environ, start_response):
        environ["REQUEST_URI"] = environ["asgi.scope"]["raw_path"].decode()
        return wire(environ, start_response)

    server = HttpServer(application, port=0)
    server.start()
    try:
        yield handler, local_client(service, server.endpoint), server.endpoint
    finally:
        server.stop()


def test_parameters_and_response_round_trip(statements):
    handler, client, _ = statements
    handler.response = {"Id": "a-1", "CreatedAt": MOMENT, "DbGroups": ["x"], "Database": None}
    response = client.execute_statement(
        Sql="select :n", WorkgroupName="wgp", Parameters=[{"name": "n", "value": "1"}], WithEvent=False
    )
    context, params = handler.seen[-1]
    assert params == {
        "Sql": "select :n",
        "WorkgroupName": "wgp",
        "Parameters": [{"name": "n", "value": "1"}],
        "WithEvent": False,
        "ClientToken": params["ClientToken"],
    }
    assert (context.region, context.account_id, context.access_key_id) == ("us-east-1", "123456789012", "local-aws")
    assert response["Id"] == "a-1"
    assert response["CreatedAt"] == MOMENT
    assert response["DbGroups"] == ["x"]
    assert "Database" not in response


def test_blobs_and_numbers_round_trip(statements):
    handler, client, _ = statements
    row = [
        {"blobValue": b"\x00\xff"},
        {"longValue": 2**53},
        {"doubleValue": 0.1},
        {"isNull": True},
        {"stringValue": "é"},
    ]
    handler.response = {"Records": [row], "TotalNumRows": 1}
    assert client.get_statement_result(Id="2b6f1d3c-4a5e-4f60-8a1b-0c2d3e4f5a6b")["Records"] == [row]


def test_numbers_that_json_does_not_have_are_written_like_aws(statements):
    handler, _, endpoint = statements
    handler.response = {"Records": [[{"doubleValue": value} for value in (math.nan, math.inf, -math.inf)]]}
    body = b'{"Id": "2b6f1d3c-4a5e-4f60-8a1b-0c2d3e4f5a6b"}'
    written = json.loads(_post(endpoint, "RedshiftData.GetStatementResult", body)[2])["Records"][0]
    assert written == [{"doubleValue": "NaN"}, {"doubleValue": "Infinity"}, {"doubleValue": "-Infinity"}]


def test_session_token_reaches_the_context(statements):
    handler, _, endpoint = statements
    handler.response = {}
    session = boto3.session.Session("ASIA", "s", "the-token", region_name="eu-west-1")
    session.client("redshift-data", endpoint_url=endpoint).execute_statement(Sql="select 1")
    context = handler.seen[-1][0]
    assert (context.session_token, context.region, context.access_key_id) == ("the-token", "eu-west-1", "ASIA")


@pytest.mark.parametrize(
    ("document", "code", "words"),
    [
        ({}, "ValidationException", "Value null at 'sql' failed to satisfy constraint: Member must not be null"),
        ({"Sql": 7}, "SerializationException", "'sql' is not a string"),
        ({"Sql": "s", "WithEvent": "yes"}, "SerializationException", "is not a boolean"),
        ({"Sql": "s", "Parameters": []}, "ValidationException", "length greater than or equal to 1"),
        ({"Sql": "s", "ResultFormat": "XML"}, "ValidationException", "enum value set: [JSON, CSV]"),
        ({"Sql": "s", "SessionId": "nope"}, "ValidationException", "regular expression pattern"),
        ({"Sql": "s", "SessionKeepAliveSeconds": 86401}, "ValidationException", "value less than or equal to 86400"),
        ({"Sql": "s", "SessionKeepAliveSeconds": 1.5}, "SerializationException", "is not a integer"),
        ([], "SerializationException", "not a JSON object"),
    ],
)
def test_requests_that_violate_the_model_are_refused_with_aws_messages(statements, document, code, words):
    handler, _, endpoint = statements
    before = len(handler.seen)
    status, headers, body = _post(endpoint, "RedshiftData.ExecuteStatement", json.dumps(document).encode())
    assert (status, headers["x-amzn-ErrorType"]) == (400, code)
    response = json.loads(body)
    assert response["__type"] == code
    assert words in (response.get("Message") or response["message"])
    assert len(handler.seen) == before


def test_a_body_that_is_not_json_is_refused(statements):
    status, _, body = _post(statements[2], "RedshiftData.ExecuteStatement", b"{")
    assert (status, json.loads(body)["__type"]) == (400, "SerializationException")


def test_unknown_members_are_dropped(statements):
    handler, _, endpoint = statements
    handler.response = {}
    assert _post(endpoint, "RedshiftData.ExecuteStatement", b'{"Sql": "s", "Future": 1, "Database": null}')[0] == 200
    assert handler.seen[-1][1] == {"Sql": "s"}


@pytest.mark.parametrize("target", ["RedshiftData.Nonsense", "AWSGlue.GetJob", ""])
def test_an_unknown_operation_is_refused(statements, target):
    status, _, body = _post(statements[2], target, b"{}")
    assert (status, json.loads(body)["__type"]) == (400, "UnknownOperationException")


def test_an_operation_without_a_method_is_refused(statements):
    with pytest.raises(ClientError) as caught:
        statements[1].list_databases(Database="d", WorkgroupName="wgp")
    assert caught.value.response["Error"]["Code"] == "NotImplemented"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert "ListDatabases" in caught.value.response["Error"]["Message"]


def test_an_unsigned_request_is_refused(statements):
    status, _, body = _post(statements[2], "RedshiftData.ExecuteStatement", b"{}", signed=False)
    assert (status, json.loads(body)["__type"]) == (403, "MissingAuthenticationTokenException")


def test_errors_have_the_models_status_and_members(statements):
    handler, client, _ = statements
    handler.response = AwsError("ResourceNotFoundException", "no statement", ResourceId="a-1")
    with pytest.raises(client.exceptions.ResourceNotFoundException) as caught:
        client.execute_statement(Sql="select 1")
    response = caught.value.response
    assert (response["ResponseMetadata"]["HTTPStatusCode"], response["ResourceId"]) == (400, "a-1")
    assert response["Error"]["Message"] == "no statement"
    handler.response = AwsError("InternalServerException", "broken")  # in the model, this error is a fault
    with pytest.raises(client.exceptions.InternalServerException) as caught:
        client.execute_statement(Sql="select 1")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500


@pytest.mark.parametrize(
    "response",
    [
        RuntimeError("the secret detail"),
        {"NoSuchMember": 1},
        {"Id": 7},
        {"CreatedAt": dt.datetime(2024, 1, 1)},  # noqa: DTZ001
        {"DbGroups": "x"},
    ],
)
def test_a_bug_of_the_handler_is_a_500_without_its_details(statements, response):
    handler, client, _ = statements
    handler.response = response
    with pytest.raises(ClientError) as caught:
        client.execute_statement(Sql="select 1")
    assert caught.value.response["Error"]["Code"] == "InternalFailure"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert "secret detail" not in str(caught.value)


def test_rest_paths_queries_and_bodies_are_read(environments):
    handler, client, _ = environments
    arn = "arn:aws:airflow:us-east-1:123456789012:environment/crypto-prices"
    client.tag_resource(ResourceArn=arn, Tags={"a b": "c/d"})
    assert handler.seen[-1] == {"ResourceArn": arn, "Tags": {"a b": "c/d"}}
    client.untag_resource(ResourceArn=arn, tagKeys=["x", "y z"])
    assert handler.seen[-1] == {"ResourceArn": arn, "tagKeys": ["x", "y z"]}
    assert client.list_environments(MaxResults=2, NextToken="t")["NextToken"] == "more"
    assert handler.seen[-1] == {"MaxResults": 2, "NextToken": "t"}


def test_a_name_in_the_body_does_not_replace_the_name_in_the_path(environments):
    handler, _, endpoint = environments
    arn = "arn:aws:airflow:us-east-1:123456789012:environment/mine"
    body = json.dumps({"Tags": {"a": "b"}, "ResourceArn": arn.replace("mine", "other")}).encode()
    path = "/tags/" + urllib.parse.quote(arn, safe="")
    assert _post(endpoint, None, body, path=path, service="airflow")[0] == 200
    assert handler.seen[-1] == {"ResourceArn": arn, "Tags": {"a": "b"}}


def test_rest_validation_reaches_into_structures(environments):
    _, client, _ = environments
    with pytest.raises(client.exceptions.ValidationException, match=r"networkConfiguration\.subnetIds"):
        client.create_environment(
            Name="e",
            ExecutionRoleArn="arn:aws:iam::123456789012:role/r",
            SourceBucketArn="arn:aws:s3:::b",
            DagS3Path="dags",
            NetworkConfiguration={"SubnetIds": ["one", "two", "three"], "SecurityGroupIds": ["sg-1"]},
        )


def test_an_unknown_path_is_refused(environments):
    status, _, body = _post(environments[2], None, b"", path="/nothing")
    assert (status, json.loads(body)["__type"]) == (404, "UnknownOperationException")


def test_sensitive_values_are_not_repeated_in_errors():
    class Nothing:
        def CreateNamespace(self, context, params):
            raise AssertionError("must not be reached")

    served = _served("redshift-serverless", Nothing())
    _, _, endpoint = next(served)
    body = json.dumps({"adminUserPassword": "Hush-hush1", "namespaceName": "A"}).encode()
    status, _, response = _post(endpoint, "RedshiftServerless.CreateNamespace", body, service="redshift-serverless")
    assert status == 400
    assert b"Hush" not in response
    served.close()


@pytest.mark.parametrize("service", ["s3", "iam", "ec2", "sns", "glue", "mwaa", "cloudwatch"])
def test_errors_can_be_written_in_every_protocol(service):
    """botocore's parser reads the code and the message."""
    from botocore import parsers

    model = load_service_model(service)
    response = error_response(model, AwsError("Refused", "not <here>", 501))
    parser = parsers.create_parser(model.resolved_protocol)
    headers = {name.lower(): value for name, value in response.headers}
    received = {"headers": headers, "status_code": response.status, "body": response.body}
    parsed = parser.parse(received, model.operation_model(next(iter(model.operation_names))).output_shape)
    assert parsed["Error"]["Code"] == "Refused"
    assert parsed["Error"]["Message"] == "not <here>"


def _post(endpoint, target, body, *, signed=True, path="/", service="redshift-data"):
    headers = {"Content-Type": "application/x-amz-json-1.1"}
    if target is not None:
        headers["X-Amz-Target"] = target
    if signed:
        scope = f"20240101/us-east-1/{service}/aws4_request"
        headers["Authorization"] = f"AWS4-HMAC-SHA256 Credential=key/{scope}, SignedHeaders=host, Signature=0"
    request = urllib.request.Request(endpoint + path, data=body, headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, response.headers, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()
