"""Finds the operation of a request with moto's routers, which know every protocol but Smithy RPC v2 CBOR."""

from __future__ import annotations

import functools
import io
from typing import NamedTuple

from moto.core.model import OperationModel, ServiceModel
from moto.core.request import Request
from moto.core.routing import PROTOCOL_ROUTERS, ProtocolRouter
from werkzeug.exceptions import HTTPException

from local_aws.protocol.service_models import SERVICES, load_service_model
from local_aws.protocol.wsgi import Environ, raw_path


class RoutedRequest(NamedTuple):
    """A request whose operation is known.

    Attributes:
        operation: The operation in the service's model.
        labels: The decoded labels of the path by their names in the model.
        query: The values of the query string by name.
    """

    operation: OperationModel
    labels: dict[str, str]
    query: dict[str, list[str]]


def routed_request(model: ServiceModel, environ: Environ, body: bytes) -> RoutedRequest | None:
    """Find the operation of a request.

    Args:
        model: The model of the service that the request is signed for.
        environ: The WSGI environment.
        body: The request's whole body.

    Returns:
        The request and its operation, or None when the service has no such operation.
    """
    protocol = model.resolved_protocol
    if protocol == "json" and "HTTP_X_AMZ_TARGET" not in environ:
        protocol = "query"  # CloudWatch supports both.
    sent = {"RAW_URI": raw_path(environ), "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body)}
    request = Request(environ | sent)
    try:
        operation, labels = _router(model.service_name, protocol).match(request)
    except HTTPException:
        return None
    return RoutedRequest(operation, labels, request.args.to_dict(flat=False))


def operation_of(signing_name: str, environ: Environ, body: bytes) -> str | None:
    """Return the name of a request's operation.

    Args:
        signing_name: The service of the request's credential scope, a key of SERVICES.
        environ: The WSGI environment.
        body: The request's whole body.

    Returns:
        The operation's name in botocore's model, or None when the model has no such operation.
    """
    routed = routed_request(load_service_model(SERVICES[signing_name]), environ, body)
    return None if routed is None else routed.operation.name


@functools.cache
def _router(service_name: str, protocol: str) -> ProtocolRouter:
    # moto's own router for S3 also finds buckets in the host name, which the front refuses.
    return PROTOCOL_ROUTERS[protocol](load_service_model(service_name))
