"""Parses and validates requests in the JSON protocols.

moto's parsers are too lenient for this. They read a body that is not JSON as an empty request, turn 1.5 and "1" into
the integer 1, accept any type for a string or a boolean, and split a string that is sent instead of a list into its
characters. A member of the body overwrites the member of the same name in the path, so the handler would get another
resource than the one that IAM has authorized.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape
from botocore.utils import parse_timestamp

from local_aws.protocol.constraints import member_path, violations
from local_aws.protocol.errors import AwsError
from local_aws.protocol.routing import RoutedRequest


def checked_request(model: ServiceModel, operation_name: str, body: bytes) -> dict[str, Any]:
    """Parse and validate the body of a request in the JSON protocol.

    Args:
        model: botocore's model of the service.
        operation_name: The operation.
        body: The request's body.

    Returns:
        The members that the model has.

    Raises:
        AwsError: SerializationException or ValidationException, like AWS.
    """
    return _checked(model.operation_model(operation_name), body, {})


def parsed_request(routed: RoutedRequest, body: bytes) -> dict[str, Any]:
    """Parse and validate a request in the JSON or the REST-JSON protocol.

    Args:
        routed: The request and its operation.
        body: The request's body.

    Returns:
        The members that the model has.

    Raises:
        AwsError: SerializationException when a value does not have the model's type, ValidationException when a value
            violates one of the model's constraints.
    """
    shape = routed.operation.input_shape
    members: Mapping[str, Shape] = shape.members if shape else {}
    located: dict[str, Any] = {}
    for name, member in members.items():
        wire_name, location = member.serialization.get("name", name), member.serialization.get("location")
        if location == "uri":
            located[wire_name] = routed.labels[wire_name]
        elif location == "querystring" and (values := routed.query.get(wire_name)):
            if isinstance(member, ListShape):
                located[wire_name] = [_query_value(member.member, value) for value in values]
            else:
                located[wire_name] = _query_value(member, values[0])
    return _checked(routed.operation, body, located)


def _query_value(shape: Shape, text: str) -> Any:
    """Turn the text of a query string into the JSON value that the parser expects for the shape."""
    if shape.type_name in {"string", "timestamp", "character"}:
        return text
    try:
        return json.loads(text)
    except ValueError:
        raise AwsError("SerializationException", f"{text!r} is not a {shape.type_name}") from None


def _checked(operation: OperationModel, body: bytes, located: Mapping[str, Any]) -> dict[str, Any]:
    try:
        document = json.loads(body) if body else {}
    except ValueError:
        raise AwsError("SerializationException", "The request's body is not JSON.") from None
    if not isinstance(document, dict):
        raise AwsError("SerializationException", "The request's body is not a JSON object.")
    if operation.input_shape is None:
        return {}
    params: dict[str, Any] = _parse(operation.input_shape, {**document, **located}, "")
    problems = list(violations(operation.input_shape, params, ""))
    if problems:
        count = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''} detected: "
        raise AwsError("ValidationException", count + "; ".join(problems))
    return params


def _parse(shape: Shape, value: Any, path: str) -> Any:
    """Turn wire JSON into Python values. Members that are not in the model are dropped, like on AWS."""
    if isinstance(shape, StructureShape):
        _expect(isinstance(value, dict), shape, path)
        if getattr(shape, "is_document_type", False):
            return value
        found = {}
        for name, member in shape.members.items():
            raw = value.get(member.serialization.get("name", name))
            if raw is not None:
                found[name] = _parse(member, raw, member_path(path, name))
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
