"""Speaks AWS's wire protocols for the services that this project implements itself.

botocore's own service models say how a request is parsed, which constraints it must meet and how the answer or the
error looks, so that every SDK sees the shapes of AWS. `WireService` is the WSGI application around a handler;
`AwsError` is what a handler raises; `error_answer` writes an error in the protocol of any service, also of those that
moto answers.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import datetime as dt
import functools
import json
import logging
import math
import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import parse_qsl, unquote
from xml.sax.saxutils import escape

from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape
from botocore.utils import parse_timestamp

from local_aws.protocol.account import ACCOUNT_ID, DEFAULT_REGION

logger = logging.getLogger(__name__)

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
WsgiApplication = Callable[[Environ, StartResponse], Iterable[bytes]]

_CREDENTIAL = re.compile(
    r"Credential=(?P<access_key_id>[^/,\s]+)/(?P<date>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request"
)
_UNSUPPORTED_TRAITS = frozenset({"header", "headers", "statusCode"})


class AwsError(Exception):
    """An error that the caller gets in AWS's shape.

    Args:
        code: The error code, for example ``ResourceNotFoundException``.
        message: What was wrong, where, and what to do.
        status: The HTTP status, unless the service's model gives the code another.
        members: Further members of the error's shape, for example ``ResourceId``.
    """

    def __init__(self, code: str, message: str, status: int = 400, **members: Any) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.members = members


@dataclasses.dataclass(frozen=True)
class RequestContext:
    """Who asks, and in which region and account.

    Attributes:
        region: The region of the request's credential scope.
        account_id: The account that the answer's ARNs name.
        access_key_id: The access key of the request's signature.
        session_token: The session token that came with temporary credentials.
    """

    region: str
    account_id: str
    access_key_id: str
    session_token: str | None


@dataclasses.dataclass(frozen=True)
class Scope:
    """What a request's SigV4 signature says about it; the signature itself is not verified."""

    service: str
    context: RequestContext


@dataclasses.dataclass(frozen=True)
class Answer:
    """A complete HTTP answer."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def send(self, start_response: StartResponse) -> list[bytes]:
        """Start the WSGI response and return its body."""
        headers = self.headers
        if not any(name.lower() == "content-length" for name, _ in headers):  # the answer to a HEAD has it already
            headers = [*headers, ("Content-Length", str(len(self.body)))]
        start_response(f"{self.status} {status_phrase(self.status)}", headers)
        return [self.body]


def status_phrase(status: int) -> str:
    """Return HTTP's words for a status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def request_scope(environ: Environ) -> Scope | None:
    """Read who asks what service from the Authorization header or, of a presigned URL, from the query.

    Args:
        environ: The WSGI environment.

    Returns:
        The scope, or None when the request is not signed.
    """
    query = dict(parse_qsl(environ.get("QUERY_STRING", "")))
    found = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", "")) or _CREDENTIAL.search(
        f"Credential={query.get('X-Amz-Credential', '')}"
    )
    if found is None and {"AWSAccessKeyId", "Signature", "Expires"} <= query.keys():
        # boto3 still presigns S3's URLs with version 2, which names neither service nor region.
        old = RequestContext(DEFAULT_REGION, ACCOUNT_ID, query["AWSAccessKeyId"], query.get("x-amz-security-token"))
        return Scope("s3", old)
    if found is None:
        return None
    token = environ.get("HTTP_X_AMZ_SECURITY_TOKEN") or query.get("X-Amz-Security-Token")
    return Scope(
        service=found["service"].lower(),
        context=RequestContext(
            region=found["region"], account_id=ACCOUNT_ID, access_key_id=found["access_key_id"], session_token=token
        ),
    )


def raw_path(environ: Environ) -> str:
    """Return the request's path as it was sent, still percent-encoded and without the query."""
    path: str = environ.get("REQUEST_URI") or environ.get("RAW_URI") or environ["PATH_INFO"]
    return re.sub(r"^https?://[^/]+", "", path).split("?", 1)[0]


@functools.cache
def load_service_model(service_name: str) -> ServiceModel:
    """Load botocore's model of a service by its botocore name (``mwaa``, not the signing name ``airflow``)."""
    return ServiceModel(Loader().load_service_model(service_name, "service-2"), service_name)


class WireService:
    """A WSGI application that answers one AWS service through a handler.

    An operation without a method in the handler is refused. What the handler raises beyond AwsError becomes an
    InternalFailure with status 500, with the traceback in the log only.

    Args:
        service_name: botocore's name of the service.
        handler: An object with one method per operation, named like the operation, that takes a RequestContext and the
            parsed and validated parameters and returns the answer's members.

    Raises:
        ValueError: The service's model needs something of a protocol that is not written here.
    """

    def __init__(self, service_name: str, handler: object) -> None:
        self.service_name = service_name
        self.model = load_service_model(service_name)
        self._handler = handler
        protocol = self.model.resolved_protocol
        if protocol not in {"json", "rest-json"}:
            raise ValueError(f"{service_name} speaks {protocol}; WireService knows json and rest-json")
        self._rest = protocol == "rest-json"
        self._routes = [_Route.of(operation) for operation in _operations(self.model)] if self._rest else []

    def answers(self, operation_name: str) -> bool:
        """Tell whether the handler has a method for the operation."""
        return operation_name in self.model.operation_names and callable(getattr(self._handler, operation_name, None))

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        scope = request_scope(environ)
        if scope is None:
            missing = AwsError("MissingAuthenticationTokenException", "Request is missing Authentication Token", 403)
            return error_answer(self.model, missing).send(start_response)
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        return self.answer(scope.context, environ, body).send(start_response)

    def answer(self, context: RequestContext, environ: Environ, body: bytes) -> Answer:
        """Answer one request.

        Args:
            context: Who asks.
            environ: The WSGI environment.
            body: The request's whole body.

        Returns:
            The answer, or the error in AWS's shape.
        """
        try:
            return self._answer(context, environ, body)
        except AwsError as error:
            return error_answer(self.model, error)
        except Exception:
            logger.exception(
                "%s failed on %s", self.service_name, environ.get("HTTP_X_AMZ_TARGET") or raw_path(environ)
            )
            failure = AwsError(
                "InternalFailure", f"The local {self.service_name} failed unexpectedly; its log has the traceback.", 500
            )
            return error_answer(self.model, failure)

    def _answer(self, context: RequestContext, environ: Environ, body: bytes) -> Answer:
        operation, located = self._route(environ)
        method = getattr(self._handler, operation.name, None)
        if not callable(method):
            raise refusal(self.service_name, operation.name)
        params = _parse_request(operation, body, located)
        result = method(context, params)
        output = (
            {} if operation.output_shape is None else _serialize(operation.output_shape, result or {}, operation.name)
        )
        return self._success(operation, output)

    def _route(self, environ: Environ) -> tuple[OperationModel, dict[str, Any]]:
        if not self._rest:
            return self._operation_of_target(environ.get("HTTP_X_AMZ_TARGET", "")), {}
        path = raw_path(environ)
        for route in self._routes:
            labels = route.match(environ["REQUEST_METHOD"], path)
            if labels is not None:
                return route.operation, labels | _query_members(route.operation, environ.get("QUERY_STRING", ""))
        raise AwsError(
            "UnknownOperationException", f"{self.service_name} has no {environ['REQUEST_METHOD']} {path}", 404
        )

    def _operation_of_target(self, target: str) -> OperationModel:
        prefix, _, name = target.partition(".")
        if prefix != self.model.metadata["targetPrefix"] or name not in self.model.operation_names:
            raise AwsError("UnknownOperationException", f"{target!r} is not an operation of {self.service_name}")
        return self.model.operation_model(name)

    def _success(self, operation: OperationModel, output: Any) -> Answer:
        content_type = (
            "application/json" if self._rest else f"application/x-amz-json-{self.model.metadata['jsonVersion']}"
        )
        status = int(operation.http.get("responseCode", 200))
        headers = [("Content-Type", content_type), ("x-amzn-RequestId", str(uuid.uuid4()))]
        return Answer(status, headers, json.dumps(output, separators=(",", ":")).encode())


def refusal(service_name: str, operation_name: str | None) -> AwsError:
    """Return the error for a service or an operation that the laptop's AWS does not execute."""
    what = f"{service_name} {operation_name}" if operation_name else f"The service {service_name}"
    return AwsError(
        "NotImplemented",
        f"{what} is not executed by the laptop's AWS (local_aws), so it is refused and not pretended.",
        501,
    )


# ---------------------------------------------------------------------------------------------------- errors


def error_answer(model: ServiceModel, error: AwsError) -> Answer:
    """Write an error in the protocol that SDKs use with a service.

    Args:
        model: botocore's model of the service.
        error: The error; when the model knows its code, the model's HTTP status and member names are used.

    Returns:
        The HTTP answer.
    """
    request_id = str(uuid.uuid4())
    shape = cast("StructureShape | None", model.shape_for_error_code(error.code))  # type: ignore[arg-type]
    status = _error_status(shape, error)
    protocol = model.resolved_protocol
    headers = [("x-amzn-RequestId", request_id)]
    if protocol in {"json", "rest-json"}:
        return Answer(
            status,
            [*headers, ("Content-Type", _json_error_type(model)), ("x-amzn-ErrorType", error.code)],
            json.dumps(_json_error(shape, error)).encode(),
        )
    if protocol == "smithy-rpc-v2-cbor":
        body = _cbor_texts({"__type": error.code, "message": error.message})
        return Answer(
            status, [*headers, ("Content-Type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor")], body
        )
    return Answer(status, [*headers, ("Content-Type", "text/xml")], _xml_error(protocol, status, error, request_id))


def _error_status(shape: StructureShape | None, error: AwsError) -> int:
    if shape is None:
        return error.status
    declared = shape.metadata.get("error", {}).get("httpStatusCode")
    if declared:
        return int(declared)
    # botocore keeps `fault`, which means status 500 in the JSON protocols, only in the shape's own description.
    return 500 if getattr(shape, "_shape_model", {}).get("fault") else error.status


def _json_error_type(model: ServiceModel) -> str:
    if model.resolved_protocol == "rest-json":
        return "application/json"
    return f"application/x-amz-json-{model.metadata['jsonVersion']}"


def _json_error(shape: StructureShape | None, error: AwsError) -> dict[str, Any]:
    members: Mapping[str, Shape] = shape.members if shape else {}
    message = next((name for name in members if name.lower() == "message"), "message")
    return {"__type": error.code, message: error.message, **error.members}


def _xml_error(protocol: str, status: int, error: AwsError, request_id: str) -> bytes:
    code, message = escape(error.code), escape(error.message)
    declaration = '<?xml version="1.0" encoding="UTF-8"?>'
    if protocol == "ec2":
        inner = f"<Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>"
        return f"{declaration}<Response>{inner}<RequestID>{request_id}</RequestID></Response>".encode()
    if protocol == "rest-xml":
        inner = f"<Code>{code}</Code><Message>{message}</Message><RequestId>{request_id}</RequestId>"
        return f"{declaration}<Error>{inner}</Error>".encode()
    kind = "Receiver" if status >= 500 else "Sender"
    inner = f"<Error><Type>{kind}</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    return f"{declaration}<ErrorResponse>{inner}<RequestId>{request_id}</RequestId></ErrorResponse>".encode()


def _cbor_texts(texts: Mapping[str, str]) -> bytes:
    """Write a small map of texts as CBOR (RFC 8949): the only CBOR that an error needs."""
    parts = [bytes([0xA0 + len(texts)])]
    for text in (word for pair in texts.items() for word in pair):
        data = text.encode()
        parts.append(b"\x79" + len(data).to_bytes(2, "big") + data)
    return b"".join(parts)


# ---------------------------------------------------------------------------------------------------- routes


@dataclasses.dataclass(frozen=True)
class _Route:
    """One rest-json operation and the paths that mean it."""

    operation: OperationModel
    method: str
    pattern: re.Pattern[str]
    labels: tuple[str, ...]

    @classmethod
    def of(cls, operation: OperationModel) -> _Route:
        _refuse_unsupported_traits(operation)
        labels: list[str] = []

        def group(found: re.Match[str]) -> str:
            labels.append(found[1])
            return "(.+)" if found[2] else "([^/]+)"

        template = operation.http["requestUri"].split("?", 1)[0]
        parts = re.split(r"(\{\w+\+?\})", template)
        pattern = "".join(
            re.sub(r"\{(\w+)(\+?)\}", group, part) if part.startswith("{") else re.escape(part) for part in parts
        )
        return cls(operation, operation.http["method"], re.compile(pattern), tuple(labels))

    def match(self, method: str, path: str) -> dict[str, str] | None:
        found = self.pattern.fullmatch(path) if method == self.method else None
        if found is None:
            return None
        values = dict(zip(self.labels, map(unquote, found.groups()), strict=True))
        members: Mapping[str, Shape] = self.operation.input_shape.members if self.operation.input_shape else {}
        return {
            name: values[shape.serialization.get("name", name)]
            for name, shape in members.items()
            if shape.serialization.get("location") == "uri"
        }


def _operations(model: ServiceModel) -> list[OperationModel]:
    return [model.operation_model(name) for name in model.operation_names]


def _refuse_unsupported_traits(operation: OperationModel) -> None:
    for shape in filter(None, (operation.input_shape, operation.output_shape)):
        members: Mapping[str, Shape] = shape.members
        locations = {member.serialization.get("location") for member in members.values()}
        if "payload" in shape.serialization or locations & _UNSUPPORTED_TRAITS:
            raise ValueError(f"{operation.name} needs payload or header members, which WireService does not know")


def _query_members(operation: OperationModel, query_string: str) -> dict[str, Any]:
    pairs = parse_qsl(query_string, keep_blank_values=True)
    members: Mapping[str, Shape] = operation.input_shape.members if operation.input_shape else {}
    found: dict[str, Any] = {}
    for name, shape in members.items():
        if shape.serialization.get("location") != "querystring":
            continue
        values = [value for key, value in pairs if key == shape.serialization.get("name", name)]
        if values:
            found[name] = (
                [_query_value(shape.member, v) for v in values]
                if isinstance(shape, ListShape)
                else _query_value(shape, values[0])
            )
    return found


def _query_value(shape: Shape, text: str) -> Any:
    """Read a query string's text as the JSON value that the common parser expects for the shape."""
    if shape.type_name in {"string", "timestamp", "character"}:
        return text
    try:
        return json.loads(text)
    except ValueError:
        raise AwsError("SerializationException", f"{text!r} is not a {shape.type_name}") from None


# ---------------------------------------------------------------------------------------------------- requests


def checked_request(model: ServiceModel, operation_name: str, body: bytes) -> dict[str, Any]:
    """Parse and validate the body of a request in the JSON protocol.

    Args:
        model: botocore's model of the service.
        operation_name: The operation.
        body: The request's body.

    Returns:
        The members that the model knows.

    Raises:
        AwsError: SerializationException or ValidationException, as AWS answers what breaks its model.
    """
    return _parse_request(model.operation_model(operation_name), body, {})


def _parse_request(operation: OperationModel, body: bytes, located: dict[str, Any]) -> dict[str, Any]:
    """Parse and validate a request.

    Raises:
        AwsError: SerializationException when the body is not what the model's types say, ValidationException when a
            value breaks one of the model's constraints.
    """
    try:
        document = json.loads(body) if body else {}
    except ValueError:
        raise AwsError("SerializationException", "The request's body is not JSON.") from None
    if not isinstance(document, dict):
        raise AwsError("SerializationException", "The request's body is not a JSON object.")
    shape = operation.input_shape
    if shape is None:
        return {}
    wire_names: Mapping[str, Shape] = shape.members
    for name, value in located.items():
        document[wire_names[name].serialization.get("name", name)] = value
    params: dict[str, Any] = _parse(shape, document, "")
    problems = list(_violations(shape, params, ""))
    if problems:
        count = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''} detected: "
        raise AwsError("ValidationException", count + "; ".join(problems))
    return params


def _parse(shape: Shape, value: Any, path: str) -> Any:
    """Turn wire JSON into Python values; members that the model does not know are dropped, as AWS does."""
    if isinstance(shape, StructureShape):
        _expect(isinstance(value, dict), shape, path)
        if getattr(shape, "is_document_type", False):
            return value
        found = {}
        for name, member in shape.members.items():
            raw = value.get(member.serialization.get("name", name))
            if raw is not None:
                found[name] = _parse(member, raw, _join(path, name))
        return found
    if isinstance(shape, ListShape):
        _expect(isinstance(value, list), shape, path)
        return [_parse(shape.member, item, f"{path}.{index}.member") for index, item in enumerate(value, 1)]
    if isinstance(shape, MapShape):
        _expect(isinstance(value, dict), shape, path)
        return {key: _parse(shape.value, item, f"{path}.{key}") for key, item in value.items()}
    return _parse_scalar(shape, value, path)


def _parse_scalar(shape: Shape, value: Any, path: str) -> Any:
    kind = shape.type_name
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind in {"string", "character"}:
        _expect(isinstance(value, str), shape, path)
    elif kind == "boolean":
        _expect(isinstance(value, bool), shape, path)
    elif kind in {"integer", "long", "short", "byte"}:
        _expect(number and float(value).is_integer(), shape, path)
        return int(value)
    elif kind in {"float", "double"}:
        _expect(number, shape, path)
        return float(value)
    elif kind == "timestamp":
        _expect(number or isinstance(value, str), shape, path)
        try:
            moment: dt.datetime = parse_timestamp(value)
        except ValueError:
            raise AwsError("SerializationException", f"{value!r} at '{path}' is not a timestamp") from None
        return moment.astimezone(dt.UTC)
    elif kind == "blob":
        _expect(isinstance(value, str), shape, path)
        try:
            return base64.b64decode(value, validate=True)
        except binascii.Error:
            raise AwsError("SerializationException", f"The value at '{path}' is not base64") from None
    return value


def _expect(right: bool, shape: Shape, path: str) -> None:
    if not right:
        raise AwsError("SerializationException", f"The value at '{path or '/'}' is not a {shape.type_name}")


def _join(path: str, name: str) -> str:
    lowered = name[:1].lower() + name[1:]
    return f"{path}.{lowered}" if path else lowered


def _violations(shape: Shape, value: Any, path: str) -> Iterable[str]:
    """Yield AWS's words for every constraint of the model that a parsed value breaks."""
    constraints = shape.metadata
    shown = "***" if constraints.get("sensitive") else value
    if isinstance(shape, StructureShape):
        for name in shape.required_members:
            if name not in value:
                yield _violation(None, _join(path, name), "Member must not be null")
        for name, item in value.items():
            yield from _violations(shape.members[name], item, _join(path, name))
    elif isinstance(shape, ListShape):
        yield from _bounds(len(value), shown, constraints, path, "length")
        for index, item in enumerate(value, 1):
            yield from _violations(shape.member, item, f"{path}.{index}.member")
    elif isinstance(shape, MapShape):
        yield from _bounds(len(value), shown, constraints, path, "length")
        for key, item in value.items():
            yield from _violations(shape.key, key, path)
            yield from _violations(shape.value, item, f"{path}.{key}")
    elif shape.type_name == "string":
        yield from _bounds(len(value), shown, constraints, path, "length")
        if "enum" in constraints and value not in constraints["enum"]:
            yield _violation(shown, path, f"Member must satisfy enum value set: [{', '.join(constraints['enum'])}]")
        pattern = constraints.get("pattern")
        if pattern and not _compiled(pattern).fullmatch(value):
            yield _violation(shown, path, f"Member must satisfy regular expression pattern: {pattern}")
    elif shape.type_name == "blob":
        yield from _bounds(len(value), "***", constraints, path, "length")
    elif shape.type_name in {"integer", "long", "float", "double"}:
        yield from _bounds(value, shown, constraints, path, "value")


def _bounds(size: float, shown: Any, constraints: Mapping[str, Any], path: str, what: str) -> Iterable[str]:
    if "min" in constraints and size < constraints["min"]:
        yield _violation(shown, path, f"Member must have {what} greater than or equal to {constraints['min']}")
    if "max" in constraints and size > constraints["max"]:
        yield _violation(shown, path, f"Member must have {what} less than or equal to {constraints['max']}")


def _violation(shown: Any, path: str, constraint: str) -> str:
    text = "null" if shown is None else f"'{shown}'" if len(str(shown)) <= 100 else f"'{str(shown)[:100]}...'"
    return f"Value {text} at '{path}' failed to satisfy constraint: {constraint}"


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    r"""Compile a model's pattern, which is written for Java, for Python.

    Java takes the surrogate pairs from D800 DC00 to DBFF DFFF as one range of characters and knows \p classes. Any
    other pattern that Python cannot compile fails loudly and is not skipped.
    """
    translated = pattern.replace(r"\uD800\uDC00-\uDBFF\uDFFF", r"\U00010000-\U0010FFFF")
    translated = translated.replace(r"\p{L}", r"\w").replace(r"\p{N}", r"\d").replace(r"\p{Z}", r"\s")
    return re.compile(translated)


# ---------------------------------------------------------------------------------------------------- answers


def _serialize(shape: Shape, value: Any, path: str) -> Any:
    """Turn a handler's answer into wire JSON.

    Raises:
        TypeError: The handler gave a member that the model does not know, or a value of another type: a bug of ours
            that must not reach a caller as a half-right answer.
    """
    if isinstance(shape, StructureShape):
        if not isinstance(value, Mapping):
            raise TypeError(f"{path} must be a mapping, not {type(value).__name__}")
        if getattr(shape, "is_document_type", False):
            return value
        unknown = set(value) - set(shape.members)
        if unknown:
            raise TypeError(f"{path} has no members {sorted(unknown)}")
        return {
            member.serialization.get("name", name): _serialize(member, value[name], f"{path}.{name}")
            for name, member in shape.members.items()
            if value.get(name) is not None
        }
    if isinstance(shape, ListShape):
        if not isinstance(value, (list, tuple)):
            raise TypeError(f"{path} must be a list, not {type(value).__name__}")
        return [_serialize(shape.member, item, f"{path}[{index}]") for index, item in enumerate(value)]
    if isinstance(shape, MapShape):
        if not isinstance(value, Mapping):
            raise TypeError(f"{path} must be a mapping, not {type(value).__name__}")
        return {key: _serialize(shape.value, item, f"{path}.{key}") for key, item in value.items()}
    return _serialize_scalar(shape, value, path)


_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "character": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "timestamp": (dt.datetime,),
    "blob": (bytes,),
}


def _serialize_scalar(shape: Shape, value: Any, path: str) -> Any:
    kind = shape.type_name
    if not isinstance(value, _PYTHON_TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
        raise TypeError(f"{path} must be a {kind}, not {type(value).__name__}")
    if isinstance(value, dt.datetime):
        if value.tzinfo is None:
            raise TypeError(f"{path} must be a datetime with a time zone")
        if shape.serialization.get("timestampFormat") == "iso8601":
            return value.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return round(value.timestamp(), 3)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, float) and not math.isfinite(value):
        return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
    return value
