import http.client
import json
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError, HTTPClientError

from local_aws.clients import local_client
from local_aws.front.call_log import CallLog
from local_aws.front.server import Front, HttpServer
from local_aws.moto_backend.state import MotoState
from local_aws.ports import PortNotFreeError
from local_aws.protocol.errors import AwsError


def _code(caught):
    return caught.value.response["Error"]["Code"]


def _status(caught):
    return caught.value.response["ResponseMetadata"]["HTTPStatusCode"]


def _lines(running):
    return [json.loads(line) for line in (running.state_dir / "calls.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(
    ("service", "call", "arguments"),
    [
        ("dynamodb", "list_tables", {}),
        ("sqs", "list_queues", {}),
        ("lambda", "list_functions", {}),
        ("stepfunctions", "list_state_machines", {}),  # its signing name is `states`
        ("athena", "start_query_execution", {"QueryString": "SELECT 1", "WorkGroup": "analysts"}),
        ("athena", "create_data_catalog", {"Name": "c", "Type": "GLUE"}),
        ("glue", "start_crawler", {"Name": "c"}),
        ("glue", "start_trigger", {"Name": "t"}),
        ("glue", "start_workflow_run", {"Name": "w"}),
        ("glue", "create_session", {"Id": "i", "Role": "arn:aws:iam::123456789012:role/r", "Command": {}}),
        ("glue", "get_job_bookmark", {"JobName": "j"}),
        ("ec2", "run_instances", {"MinCount": 1, "MaxCount": 1, "ImageId": "ami-1"}),
        ("s3", "restore_object", {"Bucket": "b", "Key": "k"}),
        ("logs", "start_query", {"logGroupName": "g", "startTime": 1, "endTime": 2, "queryString": "fields @m"}),
        ("secretsmanager", "rotate_secret", {"SecretId": "s"}),
        ("redshift-serverless", "create_snapshot", {"namespaceName": "abc", "snapshotName": "s"}),
        ("redshift-serverless", "get_credentials", {"workgroupName": "warehouse"}),
        ("mwaa", "create_cli_token", {"Name": "e"}),
        ("mwaa", "invoke_rest_api", {"Name": "e", "Path": "/dags", "Method": "GET"}),
    ],
)
def test_what_nothing_executes_is_refused(emulator, service, call, arguments):
    with pytest.raises(ClientError) as caught:
        getattr(emulator.client(service), call)(**arguments)
    assert (_code(caught), _status(caught)) == ("NotImplemented", 501)


def test_a_job_run_is_never_motos(emulator):
    glue = emulator.client("glue")
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.get_job_run(JobName="job", RunId="jr_invented")
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.start_job_run(JobName="no-such-job")


def test_the_services_of_moto_answer(emulator):
    assert emulator.client("sts").get_caller_identity()["Account"] == "123456789012"
    metrics = emulator.client("cloudwatch")
    metrics.put_metric_data(Namespace="n", MetricData=[{"MetricName": "m", "Value": 2.5, "Unit": "Count"}])
    assert [metric["MetricName"] for metric in metrics.list_metrics(Namespace="n")["Metrics"]] == ["m"]
    topic = emulator.client("sns").create_topic(Name="t")["TopicArn"]
    assert topic == "arn:aws:sns:us-east-1:123456789012:t"
    key = emulator.client("kms").create_key()["KeyMetadata"]
    assert key["Arn"].endswith(key["KeyId"])
    vpc = emulator.client("ec2").create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]
    assert vpc["CidrBlock"] == "10.1.0.0/16"
    emulator.client("events").put_rule(Name="r", ScheduleExpression="rate(1 day)")
    budget = {
        "BudgetName": "b",
        "TimeUnit": "MONTHLY",
        "BudgetType": "COST",
        "BudgetLimit": {"Amount": "9", "Unit": "USD"},
    }
    emulator.client("budgets").create_budget(AccountId="123456789012", Budget=budget)
    with pytest.raises(ClientError, match="NoSuchEntity"):
        emulator.client("iam").get_role(RoleName="nobody")


@pytest.mark.parametrize(
    "key", ["plain", "a=1/b c+d%2Fe/é~'()!*", "double//slash", "trailing/", "x?y#z&w", "./../dots"]
)
def test_object_keys_are_kept_as_they_are(emulator, resources, key):
    s3 = emulator.client("s3")
    s3.put_object(Bucket="lake", Key=f"keys/{key}", Body=key.encode(), Metadata={"under_score": "1"})
    answer = s3.get_object(Bucket="lake", Key=f"keys/{key}")
    assert (answer["Body"].read(), answer["Metadata"]) == (key.encode(), {"under_score": "1"})
    listed = s3.list_objects_v2(Bucket="lake", Prefix="keys/")["Contents"]
    assert f"keys/{key}" in [item["Key"] for item in listed]


def test_ranges_and_heads_of_objects(emulator, resources):
    s3 = emulator.client("s3")
    s3.put_object(Bucket="lake", Key="range", Body=b"0123456789")
    part = s3.get_object(Bucket="lake", Key="range", Range="bytes=2-4")
    assert (part["Body"].read(), part["ContentRange"]) == (b"234", "bytes 2-4/10")
    assert s3.head_object(Bucket="lake", Key="range")["ContentLength"] == 10
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "lake", "Key": "range"})
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"0123456789"


def test_a_glue_job_can_be_updated_and_not_created_twice(emulator):
    glue = emulator.client("glue")
    arguments = {"Role": "r", "Command": {"Name": "glueetl", "ScriptLocation": "s3://b/k"}}
    glue.create_job(Name="twice", **arguments, Timeout=5, Tags={"a": "b"})
    with pytest.raises(glue.exceptions.AlreadyExistsException):
        glue.create_job(Name="twice", **arguments)
    created = glue.get_job(JobName="twice")["Job"]["CreatedOn"]
    glue.update_job(JobName="twice", JobUpdate={**arguments, "GlueVersion": "6.0"})
    job = glue.get_job(JobName="twice")["Job"]
    assert (job["GlueVersion"], job["CreatedOn"], job["Timeout"]) == ("6.0", created, 480)
    assert glue.get_tags(ResourceArn="arn:aws:glue:us-east-1:123456789012:job/twice")["Tags"] == {"a": "b"}
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.update_job(JobName="never", JobUpdate=arguments)


def test_an_unsigned_request_is_refused(emulator):
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{emulator.endpoint}/lake/x")
    assert caught.value.code == 403
    assert b"MissingAuthenticationToken" in caught.value.read()


def test_a_bucket_in_the_host_name_is_refused(emulator):
    address = urlsplit(emulator.endpoint)
    connection = http.client.HTTPConnection(address.hostname, address.port)
    credential = "Credential=k/20240101/us-east-1/s3/aws4_request"
    headers = {"Host": "lake.localhost:1", "Authorization": f"AWS4-HMAC-SHA256 {credential}, Signature=0"}
    connection.request("GET", "/key", headers=headers)
    answer = connection.getresponse()
    assert (answer.status, b"path-style" in answer.read()) == (400, True)
    connection.close()


def test_the_health_page_needs_no_signature(emulator):
    with urllib.request.urlopen(f"{emulator.endpoint}/_local_aws/health") as answer:
        health = json.load(answer)
    assert (health["status"], health["pid"]) == ("ok", emulator.pid)
    assert {"s3", "glue", "airflow", "redshift-data", "redshift-serverless"} <= set(health["services"])


def test_a_connection_is_kept_and_expectations_are_met(emulator, resources):
    address = urlsplit(emulator.endpoint)
    connection = http.client.HTTPConnection(address.hostname, address.port)
    connection.request("GET", "/_local_aws/health")
    connection.getresponse().read()
    first = connection.sock
    connection.request("GET", "/_local_aws/health")
    connection.getresponse().read()
    assert connection.sock is first
    assert first is not None
    first.sendall(
        b"PUT /lake/expected HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n"
        b"Authorization: AWS4-HMAC-SHA256 Credential=k/20240101/us-east-1/s3/aws4_request, Signature=0\r\n\r\n"
    )
    assert first.recv(25).startswith(b"HTTP/1.1 100 Continue")
    first.sendall(b"ok")
    assert first.recv(15) == b"HTTP/1.1 200 OK"
    connection.close()


def test_many_callers_at_once_lose_nothing(emulator, resources):
    s3 = emulator.client("s3")
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda n: s3.put_object(Bucket="lake", Key=f"many/{n}", Body=b"x"), range(100)))
    assert s3.list_objects_v2(Bucket="lake", Prefix="many/")["KeyCount"] == 100


def test_the_call_log_says_who_did_what_and_no_secrets(emulator, resources):
    before = len(_lines(emulator))
    emulator.client("s3").put_object(Bucket="lake", Key="logged one", Body=b"hush-body")
    manager = emulator.client("secretsmanager")
    manager.create_secret(Name="logged", SecretString="hush-string")
    manager.put_secret_value(SecretId="logged", SecretBinary=b"hush-binary")
    manager.get_secret_value(SecretId="logged")
    emulator.client("iam").create_user(UserName="logged")
    emulator.client("cloudwatch").list_metrics()
    with pytest.raises(ClientError):
        emulator.client("mwaa").get_environment(Name="missing")
    with pytest.raises(ClientError):
        emulator.client("dynamodb").list_tables()
    lines = _lines(emulator)[before:]
    assert [(line["service"], line["operation"], line["status"], line["error"]) for line in lines] == [
        ("s3", "PutObject", 200, None),
        ("secretsmanager", "CreateSecret", 200, None),
        ("secretsmanager", "PutSecretValue", 200, None),
        ("secretsmanager", "GetSecretValue", 200, None),
        ("iam", "CreateUser", 200, None),
        ("monitoring", "ListMetrics", 200, None),
        ("airflow", "GetEnvironment", 404, "ResourceNotFoundException"),
        ("dynamodb", None, 501, "NotImplemented"),
    ]
    assert lines[0]["resource"] == {"bucket": "lake", "key": "logged one"}
    assert lines[1]["resource"]["Name"] == "logged"
    assert lines[1]["result"]["ARN"].startswith("arn:aws:secretsmanager:")
    assert lines[4]["resource"] == {"UserName": "logged"}
    assert lines[6]["resource"] == {"path": "/environments/missing"}
    assert {line["access_key_id"] for line in lines} == {"local-aws"}
    assert all(line["duration_ms"] >= 0 and line["time"].endswith("Z") for line in lines)
    assert "hush" not in json.dumps(lines)


@pytest.fixture
def intercepted(tmp_path):
    """A separate front in this process, and the list of its interceptor's actions."""
    seen, wish = [], {}

    def interceptor(call, moment, _answer):
        seen.append((call.service, call.operation, moment))
        if (call.operation, moment) in wish:
            raise wish[call.operation, moment]

    moto, log = MotoState(tmp_path / "journal.sqlite"), CallLog(tmp_path / "calls.jsonl")
    server = HttpServer(Front(moto=moto, services={}, call_log=log, interceptor=interceptor), port=0)
    server.start()
    yield local_client("s3", server.endpoint), seen, wish
    server.stop()
    moto.close()
    log.close()


def test_an_interceptor_sees_calls_and_can_refuse_them_before_their_effect(intercepted):
    s3, seen, wish = intercepted
    s3.create_bucket(Bucket="lake")
    assert seen == [("s3", "CreateBucket", "before"), ("s3", "CreateBucket", "after")]
    wish["PutObject", "before"] = AwsError("SlowDown", "later", 503)
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket="lake", Key="k", Body=b"1")
    assert (_code(caught), _status(caught)) == ("SlowDown", 503)
    assert s3.list_objects_v2(Bucket="lake")["KeyCount"] == 0


def test_an_interceptor_can_drop_the_connection_after_the_effect(intercepted):
    s3, _, wish = intercepted
    s3.create_bucket(Bucket="lake")
    wish["PutObject", "after"] = ConnectionResetError("cut")
    with pytest.raises(HTTPClientError):
        s3.put_object(Bucket="lake", Key="k", Body=b"1")
    assert s3.list_objects_v2(Bucket="lake")["KeyCount"] == 1


def test_a_bug_of_ours_is_a_500_in_the_services_shape(intercepted):
    s3, _, wish = intercepted
    wish["ListBuckets", "before"] = KeyError("detail")
    with pytest.raises(ClientError) as caught:
        s3.list_buckets()
    assert (_code(caught), _status(caught)) == ("InternalFailure", 500)


def test_a_taken_port_is_refused():
    first = HttpServer(lambda _environ, _start: [], port=0)
    first.start()
    with pytest.raises(PortNotFreeError, match=str(first.port)):
        HttpServer(lambda _environ, _start: [], port=first.port)
    first.stop()
    assert not [thread for thread in threading.enumerate() if thread.name == "local-aws-http"]


def test_a_bucket_policy_changes_nothing_without_enforcement(moto_endpoint):
    s3 = local_client("s3", moto_endpoint)
    s3.create_bucket(Bucket="tls-only")
    everything = ["arn:aws:s3:::tls-only", "arn:aws:s3:::tls-only/*"]
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": everything}
    without_tls = {**deny, "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    for statement in (without_tls, deny):
        s3.put_bucket_policy(Bucket="tls-only", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
        s3.put_object(Bucket="tls-only", Key="k", Body=b"x")
        assert s3.get_object(Bucket="tls-only", Key="k")["Body"].read() == b"x"
        assert "Errors" not in s3.delete_objects(Bucket="tls-only", Delete={"Objects": [{"Key": "k"}]})
