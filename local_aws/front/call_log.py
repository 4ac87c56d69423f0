"""Writes one JSON line per API call: the caller, the operation, the resource and the result.

Bodies, rows and the values of secrets are never written. Of the parameters, only names, ids and ARNs are written.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote
from xml.sax.saxutils import unescape

from local_aws.protocol.http_request import HttpRequest
from local_aws.protocol.http_response import HttpResponse

_NAMING = re.compile(r"(name|id|arn|.*(Name|Id|Arn))", re.IGNORECASE)
_NOT_LOGGED = frozenset({"externalid", "accesskeyid", "awsaccesskeyid", "x-id"})
_LONGEST = 512
_XML_CODE = re.compile(rb"<Code>([^<]+)</Code>")
_S3_QUERY = ("prefix", "versionId", "uploadId", "partNumber")


class CallLog:
    """The only writer of the log. It flushes each line, so a reader sees a call as soon as its response is sent.

    Args:
        path: The file; lines are appended.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", encoding="utf-8")
        self._lock = threading.Lock()

    def write(
        self,
        *,
        service: str,
        operation: str | None,
        request: HttpRequest,
        response: HttpResponse,
        access_key_id: str | None,
        region: str | None,
        started_at: datetime,
        seconds: float,
    ) -> None:
        """Write one line.

        Args:
            service: The signing name of the service.
            operation: The operation's name, or None if the service has no such operation.
            request: The request.
            response: The response.
            access_key_id: The access key of the request's signature.
            region: The region of the request's credential scope.
            started_at: When the request was received.
            seconds: Duration of the call.
        """
        line = {
            "time": started_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "service": service,
            "operation": operation,
            "resource": resource_of(service, request),
            "result": _names_in_json(response.body) if response.status < 400 and service != "s3" else {},
            "access_key_id": access_key_id,
            "region": region,
            "status": response.status,
            "error": (error_code_of(response) or str(response.status)) if response.status >= 400 else None,
            "duration_ms": round(seconds * 1000, 1),
        }
        text = json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n"
        with self._lock:
            self._file.write(text)
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._file.close()


def resource_of(service: str, request: HttpRequest) -> dict[str, str]:
    """Return the resource of a request: names, ids and ARNs; for S3 the bucket and the key.

    Args:
        service: The signing name of the service.
        request: The request.

    Returns:
        The parameters' names and values.
    """
    query = parse_qsl(request.query, keep_blank_values=True)
    if service == "s3":
        bucket, _, key = unquote(request.raw_path).lstrip("/").partition("/")
        found = {"bucket": bucket, "key": key} | {name: value for name, value in query if name in _S3_QUERY}
        return {name: value for name, value in found.items() if value}
    fields = _naming(dict(query)) | _names_in_json(request.body)
    if not request.body.startswith(b"{"):
        fields |= _naming(dict(parse_qsl(request.body.decode("utf-8", "replace"))))
    path = unquote(request.raw_path)
    return fields if path == "/" or path.startswith("/service/") else {"path": path, **fields}


def error_code_of(response: HttpResponse) -> str | None:
    """Read the error code from a response in any of AWS's protocols."""
    header = next((value for name, value in response.headers if name.lower() == "x-amzn-errortype"), None)
    if header:
        return header.split(":", 1)[0]
    found = _XML_CODE.search(response.body)
    if found:
        return unescape(found[1].decode("utf-8", "replace"))
    try:
        document = json.loads(response.body)
    except ValueError:
        return None
    code = document.get("__type") or document.get("code") if isinstance(document, dict) else None
    return str(code).rpartition("#")[2] if code else None


def _names_in_json(body: bytes) -> dict[str, str]:
    if not body.startswith(b"{") or len(body) > 1_000_000:
        return {}
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    inputs = {f"{name}.Name": value.get("Name") for name, value in document.items() if isinstance(value, dict)}
    return _naming(document) | _naming({name: value for name, value in inputs.items() if name.endswith("Input.Name")})


def _naming(parameters: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: value
        for name, value in parameters.items()
        if isinstance(value, str)
        and len(value) <= _LONGEST
        and _NAMING.fullmatch(name)
        and name.lower() not in _NOT_LOGGED
    }
