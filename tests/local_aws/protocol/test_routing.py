from urllib.parse import urlsplit

import pytest
from botocore.awsrequest import prepare_request_dict
from botocore.serialize import RpcV2CBORSerializer, create_serializer

from local_aws.protocol.routing import operation_of, routed_request
from local_aws.protocol.service_models import SERVICES, load_service_model

# Requests that another operation sends, too, or that the ordinary endpoint does not accept.
OTHER_NAMES = {
    "s3": {
        "GetBucketLifecycle": "GetBucketLifecycleConfiguration",
        "PutBucketLifecycle": "PutBucketLifecycleConfiguration",
        "GetBucketNotification": "GetBucketNotificationConfiguration",
        "PutBucketNotification": "PutBucketNotificationConfiguration",
        "ListDirectoryBuckets": "ListBuckets",
        "WriteGetObjectResponse": None,
    }
}


def _minimal(shape):
    """Return the smallest value that the shape accepts."""
    match shape.type_name:
        case "structure":
            return {name: _minimal(shape.members[name]) for name in shape.required_members}
        case "list":
            return [_minimal(shape.member)]
        case "map":
            return {}
        case "string":
            return shape.enum[0] if shape.enum else "x"
        case "timestamp":
            return "2024-01-01T00:00:00Z"
        case "blob":
            return b""
        case "boolean":
            return True
        case _:
            return 1


@pytest.mark.parametrize("signing_name", SERVICES)
def test_every_operation_that_botocore_can_send_is_named(signing_name):
    model = load_service_model(SERVICES[signing_name])
    serializer = create_serializer(model.resolved_protocol, include_validation=False)
    wrong = {}
    for name in model.operation_names:
        operation = model.operation_model(name)
        params = _minimal(operation.input_shape) if operation.input_shape else {}
        request = serializer.serialize_to_request(params, operation)
        prepare_request_dict(request, "http://127.0.0.1")
        url = urlsplit(request["url"])
        body = request["body"]
        if isinstance(body, dict):
            from urllib.parse import urlencode

            body = urlencode(body).encode()
        environ = {
            "REQUEST_METHOD": request["method"],
            "PATH_INFO": url.path,
            "REQUEST_URI": url.path,
            "QUERY_STRING": url.query,
            "CONTENT_TYPE": request["headers"].get("Content-Type", ""),
            **{"HTTP_" + key.upper().replace("-", "_"): value for key, value in request["headers"].items()},
        }
        found = operation_of(signing_name, environ, body if isinstance(body, bytes) else body.encode())
        if found != OTHER_NAMES.get(signing_name, {}).get(name, name):
            wrong[name] = found
    if signing_name == "s3":
        wrong.pop("WriteGetObjectResponse", None)
    assert wrong == {}


def test_unknown_operations_have_no_name():
    form = "application/x-www-form-urlencoded"
    environ = {"REQUEST_METHOD": "POST", "PATH_INFO": "/", "QUERY_STRING": "", "CONTENT_TYPE": form}
    assert operation_of("iam", environ, b"Action=GetRole&Version=2010-05-08") == "GetRole"
    assert operation_of("iam", {**environ, "QUERY_STRING": "Action=GetRole&Version=2010-05-08"}, b"") == "GetRole"
    assert operation_of("glue", {**environ, "HTTP_X_AMZ_TARGET": "AWSGlue.Nonsense"}, b"{}") is None
    assert operation_of("iam", environ, b"Action=Nonsense&Version=2010-05-08") is None
    assert operation_of("iam", environ, b"") is None
    assert operation_of("s3", {**environ, "REQUEST_METHOD": "PATCH"}, b"") is None


def test_an_s3_key_keeps_its_slashes_and_escapes():
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/b//a/é/", "REQUEST_URI": "/b//a%2F/%C3%A9/", "QUERY_STRING": ""}
    routed = routed_request(load_service_model("s3"), environ, b"")
    assert routed.operation.name == "GetObject"
    assert routed.labels == {"Bucket": "b", "Key": "/a//é/"}


def test_cbor_requests_have_no_operation():
    """moto responds with an HTML page, although botocore's model of CloudWatch names the protocol."""
    operation = load_service_model("cloudwatch").operation_model("PutMetricData")
    request = RpcV2CBORSerializer().serialize_to_request({"Namespace": "N", "MetricData": []}, operation)
    environ = {
        "REQUEST_METHOD": request["method"],
        "PATH_INFO": request["url_path"],
        "QUERY_STRING": "",
        "CONTENT_TYPE": request["headers"]["Content-Type"],
    }
    assert operation_of("monitoring", environ, request["body"]) is None
