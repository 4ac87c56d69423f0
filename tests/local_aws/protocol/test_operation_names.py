from urllib.parse import urlsplit

import pytest
from botocore.awsrequest import prepare_request_dict
from botocore.serialize import create_serializer

from local_aws.protocol.operation_names import SERVICES, operation_of
from local_aws.protocol.wire import load_service_model

# Two names of the same request, or no request of the ordinary endpoint.
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
    """The least value that the shape accepts."""
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
            **{"HTTP_" + key.upper().replace("-", "_"): value for key, value in request["headers"].items()},
        }
        found = operation_of(signing_name, environ, body if isinstance(body, bytes) else body.encode())
        if found != OTHER_NAMES.get(signing_name, {}).get(name, name):
            wrong[name] = found
    if signing_name == "s3":
        wrong.pop("WriteGetObjectResponse", None)
    assert wrong == {}


def test_what_is_no_operation_has_no_name():
    environ = {"REQUEST_METHOD": "POST", "PATH_INFO": "/", "QUERY_STRING": ""}
    assert operation_of("glue", {**environ, "HTTP_X_AMZ_TARGET": "AWSGlue.Nonsense"}, b"{}") is None
    assert operation_of("iam", environ, b"Action=Nonsense&Version=2010-05-08") is None
    assert operation_of("iam", environ, b"") is None
    assert operation_of("s3", {**environ, "REQUEST_METHOD": "PATCH"}, b"") is None
