import json
import urllib.error
import urllib.request

import pytest

from local_aws.front.call_log import CallLog
from local_aws.front.server import Front, HttpServer
from local_aws.moto_backend.state import MotoState


def echo(environ, start_response):
    """Respond with the parts of the path, as an application sees them."""
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps([environ["SCRIPT_NAME"], environ["PATH_INFO"], environ["QUERY_STRING"]]).encode()]


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mounts")
    moto, log = MotoState(folder / "journal.sqlite"), CallLog(folder / "calls.jsonl")
    server = HttpServer(Front(moto=moto, services={}, call_log=log, mounts={"/echo": echo}), port=0)
    server.start()
    yield server.endpoint
    server.stop()
    moto.close()
    log.close()


def get(url, **headers):
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
        return json.load(answer)


def test_an_unsigned_request_below_a_mount_is_answered_by_its_application(endpoint):
    assert get(f"{endpoint}/echo/some/path?a=b") == ["/echo", "/some/path", "a=b"]


@pytest.mark.parametrize("path", ["/echo", "/echoes/some", "/other/echo/"])
def test_other_unsigned_requests_are_refused_as_aws_does(endpoint, path):
    with pytest.raises(urllib.error.HTTPError) as caught:
        get(f"{endpoint}{path}")
    assert caught.value.code == 403
    assert b"MissingAuthenticationToken" in caught.value.read()


def test_a_signed_request_goes_to_aws_although_a_bucket_has_the_name_of_a_mount(endpoint):
    credential = "Credential=local-aws/20240101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
    with pytest.raises(urllib.error.HTTPError) as caught:
        get(f"{endpoint}/echo/key", Authorization=f"AWS4-HMAC-SHA256 {credential}")
    assert b"NoSuchBucket" in caught.value.read()
