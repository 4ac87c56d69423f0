import http.server
import json
import threading

import pytest

from local_aws.clients import local_client
from local_aws.iam.forward_access import SecretReader
from local_aws.protocol.errors import AwsError
from local_aws.protocol.signature import RequestContext

CALLER = RequestContext("us-east-1", "123456789012", "AKIACALLER", "token")


def test_a_secret_is_read_by_name_or_arn_and_a_missing_secret_is_none(moto_endpoint):
    arn = local_client("secretsmanager", moto_endpoint).create_secret(Name="n", SecretString="text")["ARN"]
    reader = SecretReader(moto_endpoint, "redshift-data.amazonaws.com")
    assert [reader.read(CALLER, name) for name in ("n", arn, "other")] == ["text", "text", None]


class _SecretsManager(http.server.BaseHTTPRequestHandler):
    """Records the requests and refuses them."""

    asked: list

    def do_POST(self):
        self.asked.append(dict(self.headers))
        body = json.dumps({"__type": "AccessDeniedException", "Message": "not you"}).encode()
        self.send_response(400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def refusing():
    handler = type("Handler", (_SecretsManager,), {"asked": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", handler.asked
    server.shutdown()
    server.server_close()


def test_a_secret_is_read_with_the_callers_credentials_and_the_services_name(refusing):
    endpoint, asked = refusing
    reader = SecretReader(endpoint, "redshift-data.amazonaws.com")
    with pytest.raises(AwsError, match="AccessDeniedException: not you"):
        reader.read(CALLER, "n")
    other = RequestContext("us-east-1", "123456789012", "AKIAOTHER", None)
    with pytest.raises(AwsError):
        reader.read(other, "n")
    assert "Credential=AKIACALLER/" in asked[0]["Authorization"]
    assert asked[0]["X-Amz-Security-Token"] == "token"
    assert asked[0]["x-local-aws-called-via"] == "redshift-data.amazonaws.com"
    assert "Credential=AKIAOTHER/" in asked[1]["Authorization"]
    assert "X-Amz-Security-Token" not in asked[1]
