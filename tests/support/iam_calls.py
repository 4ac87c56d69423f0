"""A fictional account, and calls as clients send them."""

import dataclasses
import json
from urllib.parse import urlencode

from local_aws.iam.actions import checks_of
from local_aws.iam.checks import Encryption, StoredSecret, read_call
from local_aws.protocol.http_request import HttpRequest

ACCOUNT = "123456789012"
REGION = "us-east-1"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/k1"


@dataclasses.dataclass
class FakeFacts:
    """The resources of the account: one of each kind, unless a test removes it."""

    objects: dict = dataclasses.field(default_factory=dict)
    bucket_key: Encryption | None = None
    upload_key: Encryption | None = None
    secret_key: str | None = None

    def role_arn(self, name):
        return f"arn:aws:iam::{ACCOUNT}:role/path/{name}" if name == "etl" else None

    def secret(self, region, secret_id):
        arn = f"arn:aws:secretsmanager:{region}:{ACCOUNT}:secret:admin-AbCdEf"
        return StoredSecret(arn, "admin", self.secret_key) if secret_id in {"admin", arn, arn[:-7]} else None

    def kms_key(self, region, key_id):
        return KEY if key_id in {"k1", "alias/mine", KEY} else None

    def bucket_encryption(self, bucket):
        return self.bucket_key

    def object_exists(self, bucket, key):
        return key in self.objects

    def object_encryption(self, bucket, key, version_id):
        return self.objects.get(key)

    def upload_encryption(self, bucket, upload_id):
        return self.upload_key

    def workgroup_arn(self, name):
        return f"arn:aws:redshift-serverless:{REGION}:{ACCOUNT}:workgroup/w-id" if name == "wg" else None

    def namespace_arn(self, name):
        return f"arn:aws:redshift-serverless:{REGION}:{ACCOUNT}:namespace/n-id" if name == "ns" else None

    def redshift_tags(self, arn):
        return {"platform": "mine"} if arn.endswith("-id") else {}

    def athena_workgroup_of(self, query_id):
        return "analysts" if query_id == "q1" else None

    def athena_tags(self, arn):
        return {"platform": "mine"} if arn.endswith("/analysts") else {}

    def statement_owner(self, statement_id):
        return "AROA1:me" if statement_id == "s1" else None


def call(service, operation, *, method="POST", path="/", query="", headers=(), body=b""):
    """Return a call as the emulator reads it from a request."""
    request = HttpRequest(method, path, query, tuple({"authorization": "x", **dict(headers)}.items()), body)
    return read_call(service, operation, region=REGION, account_id=ACCOUNT, userid="AROA1:me", request=request)


def json_call(service, operation, **params):
    """Return a call in the JSON protocol."""
    return call(service, operation, body=json.dumps(params).encode())


def query_call(service, operation, **params):
    """Return a call in the query protocol."""
    return call(service, operation, body=urlencode({"Action": operation, **params}).encode())


def pairs(checked, facts=None):
    """Return the actions and resources of a call's checks. Resources lack the common prefix of all ARNs."""
    prefix = f":{REGION}:{ACCOUNT}:"
    return [
        (check.action, check.resource.replace("arn:aws:", "", 1).replace(prefix, ":", 1))
        for check in checks_of(checked, facts or FakeFacts())
    ]
