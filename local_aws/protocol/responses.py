"""Writes successful responses in the JSON protocols.

moto's serializers are too lenient for this. They drop members that are not in the model, write the integer 7 as "7",
read a time without a time zone as UTC, and split a string in place of a list into its characters. Here,
each of these is a bug of the handler. They also write NaN as it is, which is not JSON.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import math
import uuid
from collections.abc import Mapping
from typing import Any

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from local_aws.protocol.errors import json_content_type
from local_aws.protocol.http_response import HttpResponse


def success_response(operation: OperationModel, result: Mapping[str, Any] | None) -> HttpResponse:
    """Write the response to a request that succeeded.

    Args:
        operation: The operation, of a service that uses JSON or REST-JSON.
        result: The members of the response. Members that are None are left out.

    Returns:
        The HTTP response.

    Raises:
        TypeError: A member is not in the model, or a value has the wrong type: a bug in the handler, which must not
            reach a caller as a half-right response.
    """
    shape = operation.output_shape
    output = {} if shape is None else _serialize(shape, result or {}, operation.name)
    headers = [("Content-Type", json_content_type(operation.service_model)), ("x-amzn-RequestId", str(uuid.uuid4()))]
    status = int(operation.http.get("responseCode", 200))
    return HttpResponse(status, headers, json.dumps(output, separators=(",", ":")).encode())


def _serialize(shape: Shape, value: Any, path: str) -> Any:
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


_PYTHON_TYPES: Mapping[str, tuple[type, ...]] = {
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
