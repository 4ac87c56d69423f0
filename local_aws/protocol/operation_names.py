"""Names the operation of a request, for any AWS protocol, from botocore's models: the call log, the refusals and the
decision what changes state all speak of operations and not of URLs.
"""  # noqa: D205

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Mapping
from urllib.parse import parse_qs, parse_qsl

from botocore.model import Shape

from local_aws.protocol.wire import Environ, load_service_model, raw_path

# Signing name -> botocore's name, for every service of the laptop's AWS.
SERVICES: Mapping[str, str] = {
    "airflow": "mwaa",
    "budgets": "budgets",
    "ec2": "ec2",
    "events": "events",
    "glue": "glue",
    "iam": "iam",
    "kms": "kms",
    "logs": "logs",
    "monitoring": "cloudwatch",
    "redshift-data": "redshift-data",
    "redshift-serverless": "redshift-serverless",
    "s3": "s3",
    "secretsmanager": "secretsmanager",
    "sns": "sns",
    "sts": "sts",
}

_CBOR_PATH = re.compile(r"/service/\w+/operation/(\w+)")


def operation_of(signing_name: str, environ: Environ, body: bytes) -> str | None:
    """Name the operation that a request asks for.

    Args:
        signing_name: The service of the request's credential scope, a key of SERVICES.
        environ: The WSGI environment.
        body: The request's body.

    Returns:
        The operation's name in botocore's model, or None when the model has no such operation.
    """
    model = load_service_model(SERVICES[signing_name])
    name: str | None
    if signing_name == "s3":
        name = _s3_operation(environ)
    elif (found := _CBOR_PATH.fullmatch(environ["PATH_INFO"])) is not None:
        name = found[1]
    elif "HTTP_X_AMZ_TARGET" in environ:
        name = environ["HTTP_X_AMZ_TARGET"].rpartition(".")[2]
    elif model.resolved_protocol == "rest-json":
        name = _rest_operation(model.service_name, environ["REQUEST_METHOD"], raw_path(environ))
    else:
        fields = parse_qs(body.decode("utf-8", "replace")) or parse_qs(environ.get("QUERY_STRING", ""))
        name = fields.get("Action", [None])[0]
    return name if name in model.operation_names else None


@functools.cache
def _rest_patterns(service_name: str) -> tuple[tuple[str, str, re.Pattern[str]], ...]:
    model = load_service_model(service_name)
    patterns = []
    for name in model.operation_names:
        http = model.operation_model(name).http
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(http["requestUri"].split("?", 1)[0]))
        patterns.append((name, http["method"], re.compile(pattern)))
    return tuple(patterns)


def _rest_operation(service_name: str, method: str, path: str) -> str | None:
    for name, wanted_method, pattern in _rest_patterns(service_name):
        if method == wanted_method and pattern.fullmatch(path):
            return name
    return None


@dataclasses.dataclass(frozen=True)
class _S3Signature:
    """What a request must have to mean one S3 operation: several operations share a method and a path."""

    name: str
    method: str
    level: int  # 0 the service, 1 a bucket, 2 an object
    query: frozenset[tuple[str, str | None]]
    headers: frozenset[str]


@functools.cache
def _s3_signatures() -> tuple[_S3Signature, ...]:
    model = load_service_model("s3")
    signatures = []
    for name in model.operation_names:
        operation = model.operation_model(name)
        if operation.deprecated or name in {"ListDirectoryBuckets", "WriteGetObjectResponse"}:
            continue
        path, _, fixed = operation.http["requestUri"].partition("?")
        query: set[tuple[str, str | None]] = {
            (key, value or None) for key, value in parse_qsl(fixed, keep_blank_values=True) if key != "x-id"
        }
        headers = set()
        members: Mapping[str, Shape] = operation.input_shape.members if operation.input_shape else {}
        for member_name in operation.input_shape.required_members if operation.input_shape else ():
            member = members[member_name]
            where, key = member.serialization.get("location"), member.serialization.get("name", member_name)
            if where == "querystring":
                query.add((key, None))
            elif where == "header":
                headers.add("HTTP_" + key.upper().replace("-", "_"))
        level = path.count("{")
        signatures.append(_S3Signature(name, operation.http["method"], level, frozenset(query), frozenset(headers)))
    # The most demanding first: PutObject is what is left when nothing says CopyObject or UploadPart.
    return tuple(sorted(signatures, key=lambda s: -len(s.query) - len(s.headers)))


def _s3_operation(environ: Environ) -> str | None:
    bucket, _, key = raw_path(environ).lstrip("/").partition("/")
    level = 0 if not bucket else 2 if key else 1
    query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
    for signature in _s3_signatures():
        if (signature.method, signature.level) != (environ["REQUEST_METHOD"], level):
            continue
        matches = all(key in query and value in {None, query[key]} for key, value in signature.query)
        if matches and all(header in environ for header in signature.headers):
            return signature.name
    return None
