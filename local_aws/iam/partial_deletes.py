"""DeleteObjects deletes the objects that the caller may delete, and reports the others key by key.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from local_aws.iam.s3_actions import deleted_objects
from local_aws.protocol.errors import AwsError
from local_aws.protocol.http_request import HttpRequest
from local_aws.protocol.http_response import HttpResponse

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_OF_THE_BODY = ("content-md5", "content-length", "x-amz-content-sha256", "x-amz-sdk-checksum-algorithm")


def without_items(request: HttpRequest, refused: Collection[int]) -> HttpRequest | None:
    """Return a DeleteObjects request without the objects at some positions, or None if no objects remain."""
    ElementTree.register_namespace("", _NAMESPACE)
    root = ElementTree.fromstring(request.body)  # noqa: S314 - sent by a client on this machine
    objects = [element for element in root if element.tag.rpartition("}")[2] == "Object"]
    if len(refused) == len(objects):
        return None
    for number, element in enumerate(objects):
        if number in refused:
            root.remove(element)
    # These headers were verified for the original body and are wrong for the new one.
    headers = tuple(
        (name, value)
        for name, value in request.headers
        if name.lower() not in _OF_THE_BODY and not name.lower().startswith("x-amz-checksum-")
    )
    return dataclasses.replace(request, headers=headers, body=ElementTree.tostring(root, encoding="utf-8"))


def with_errors(response: HttpResponse | None, body: bytes, refused: Mapping[int, AwsError]) -> HttpResponse:
    """Return the response to DeleteObjects with an error for each refused object.

    Args:
        response: The response for the other objects; None if there are none.
        body: The body of the original request.
        refused: The errors by the object's position.
    """
    objects = deleted_objects(body)
    errors = "".join(
        f"<Error><Key>{escape(objects[number][0])}</Key>"
        + (f"<VersionId>{escape(objects[number][1])}</VersionId>" if objects[number][1] else "")
        + f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message></Error>"
        for number, error in refused.items()
    )
    if response is None:
        text = f'<?xml version="1.0" encoding="UTF-8"?><DeleteResult xmlns="{_NAMESPACE}">{errors}</DeleteResult>'
        return HttpResponse(200, [("Content-Type", "application/xml")], text.encode())
    if response.status >= 400:
        return response
    head, end, tail = response.body.rpartition(b"</DeleteResult>")
    headers = [(name, value) for name, value in response.headers if name.lower() != "content-length"]
    return HttpResponse(response.status, headers, head + errors.encode() + end + tail)
