"""Makes moto's responses in the JSON protocol conform to botocore's model.

moto returns members that a service does not have, and nulls. AWS leaves out a member without a value, and SDKs of typed
languages fail on a null: https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from local_aws.protocol.http_response import HttpResponse


def conforming_response(operation: OperationModel, response: HttpResponse) -> HttpResponse:
    """Return a response without the members that the model does not have, and without nulls.

    Args:
        operation: The operation, of a request in the JSON protocol.
        response: The response. An error is returned unchanged.
    """
    if response.status >= 400:
        return response
    shape = operation.output_shape
    document = json.loads(response.body) if response.body else None
    output = {} if shape is None or document is None else _conforming(shape, document)
    headers = [(name, value) for name, value in response.headers if name.lower() != "content-length"]
    return dataclasses.replace(response, headers=headers, body=json.dumps(output, separators=(",", ":")).encode())


def _conforming(shape: Shape, value: Any) -> Any:
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        if getattr(shape, "is_document_type", False):
            return value
        members = {member.serialization.get("name", name): member for name, member in shape.members.items()}
        return {
            name: _conforming(members[name], item)
            for name, item in value.items()
            if item is not None and name in members
        }
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_conforming(shape.member, item) for item in value if item is not None]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {key: _conforming(shape.value, item) for key, item in value.items() if item is not None}
    return value
