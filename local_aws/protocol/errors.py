"""Errors, and how each wire protocol writes them.

This covers every service, including the services that moto serves. moto's own serializers write errors only for a known
operation, and with status 400 unless the service's model has a different one. The front also rejects requests that are
unsigned or have no known operation, and refuses calls with IAM's status 403 and with 501.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any, cast
from xml.sax.saxutils import escape

from botocore.model import ServiceModel, Shape, StructureShape

from local_aws.protocol.http_response import HttpResponse


class AwsError(Exception):
    """An error that the caller receives in AWS's format.

    Args:
        code: The error code, for example ``ResourceNotFoundException``.
        message: What is wrong, where, and what to do.
        status: The HTTP status, unless the service's model has a different one for the code.
        members: Additional members of the error's shape, for example ``ResourceId``.
    """

    def __init__(self, code: str, message: str, status: int = 400, **members: Any) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.members = members


def refusal(service_name: str, operation_name: str | None) -> AwsError:
    """Return the error for a service or an operation that the emulator does not execute."""
    what = f"{service_name} {operation_name}" if operation_name else f"The service {service_name}"
    return AwsError(
        "NotImplemented", f"{what} is not executed by the local AWS, so it is refused instead of being faked.", 501
    )


def error_response(model: ServiceModel, error: AwsError) -> HttpResponse:
    """Write an error in the protocol of a service.

    Args:
        model: botocore's model of the service.
        error: The error. If the model has its code, the model's HTTP status and member names are used.

    Returns:
        The HTTP response.
    """
    request_id = str(uuid.uuid4())
    shape = cast("StructureShape | None", model.shape_for_error_code(error.code))  # type: ignore[arg-type]
    status = _status(shape, error)
    protocol = model.resolved_protocol
    headers = [("x-amzn-RequestId", request_id)]
    if protocol in {"json", "rest-json"}:
        return HttpResponse(
            status,
            [*headers, ("Content-Type", json_content_type(model)), ("x-amzn-ErrorType", error.code)],
            json.dumps(_json_error(shape, error)).encode(),
        )
    return HttpResponse(
        status, [*headers, ("Content-Type", "text/xml")], _xml_error(protocol, status, error, request_id)
    )


def json_content_type(model: ServiceModel) -> str:
    """Return the content type of the responses of a service that uses JSON or REST-JSON."""
    if model.resolved_protocol == "rest-json":
        return "application/json"
    return f"application/x-amz-json-{model.metadata['jsonVersion']}"


def _status(shape: StructureShape | None, error: AwsError) -> int:
    if shape is None:
        return error.status
    declared = shape.metadata.get("error", {}).get("httpStatusCode")
    if declared:
        return int(declared)
    # `fault` means status 500 in the JSON protocols. botocore keeps it only in the shape's private description.
    return 500 if getattr(shape, "_shape_model", {}).get("fault") else error.status


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
