"""The requests of ``S3FileSystem.scala`` have the signature that botocore computes for them."""

from __future__ import annotations

import datetime as dt
import http.server
import re
import threading
from urllib.parse import urlsplit

import pytest
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local_aws.glue.spark_runtime import RunFiles

KEYS = Credentials("ASIAEXAMPLE", "a/secret+key", "a/session+token==")
SCRIPT = """
from pyspark import SparkContext
context = SparkContext.getOrCreate()
path = context._jvm.org.apache.hadoop.fs.Path("s3://bucket/day=01/a b+c*~(é)")
fs = path.getFileSystem(context._jsc.hadoopConfiguration())
fs.exists(path)
stream = fs.create(path, True)
stream.write(b"body")
stream.close()
"""


@pytest.fixture
def recorder():
    """A server without objects that records its requests: (method, path, headers, body)."""
    requests = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def _answer(self):
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            requests.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            listing = b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
            answer = listing if "list-type" in self.path else b""
            self.send_response(404 if self.command == "HEAD" else 200)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_PUT = do_HEAD = _answer

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", requests
    server.shutdown()
    thread.join()
    server.server_close()


def signature(endpoint, method, path, headers, body):
    """Return the Authorization header that botocore computes for the same request."""
    signed = re.search(r"SignedHeaders=([^,]+)", headers["authorization"])[1].split(";")
    time = dt.datetime.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%SZ")  # noqa: DTZ007 - botocore's are naive
    kept = {name: headers[name] for name in signed if name not in ("host", "x-amz-date", "x-amz-security-token")}
    request = AWSRequest(method=method, url=endpoint + path, headers=kept, data=body)
    request.context["timestamp"] = headers["x-amz-date"]
    request.context["client_config"] = None
    request.context["payload_signing_enabled"] = True
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(auth, "get_current_datetime", lambda *_, **__: time)
        auth.S3SigV4Auth(KEYS, "s3", "us-east-1").add_auth(request)
    return request.headers["Authorization"]


def test_requests_are_signed_as_botocore_signs_them(runtime, recorder, tmp_path):
    endpoint, requests = recorder
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    environment = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": KEYS.access_key,
        "AWS_SECRET_ACCESS_KEY": KEYS.secret_key,
        "AWS_SESSION_TOKEN": KEYS.token,
    }
    files = RunFiles("jr_1", tmp_path, script, [], tmp_path / "output", tmp_path / "errors")
    process = runtime.start(files, arguments=[], spark_settings={}, environment=environment)
    try:
        assert process.wait(120)
    finally:
        process.end()
    assert process.error() is None, files.output.read_text()

    assert [method for method, *_ in requests] == ["HEAD", "GET", "PUT"]
    assert urlsplit(requests[2][1]).path == "/bucket/day%3D01/a%20b%2Bc%2A~%28%C3%A9%29"
    assert requests[2][3] == b"body"
    for method, path, headers, body in requests:
        assert headers["x-amz-security-token"] == KEYS.token
        assert headers["authorization"] == signature(endpoint, method, path, headers, body)
