"""Serves a handler of this project as an AWS service, in AWS's JSON protocols."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from botocore.model import OperationModel, Shape

from local_aws.protocol.errors import AwsError, error_response, refusal
from local_aws.protocol.http_response import HttpResponse
from local_aws.protocol.requests import parsed_request
from local_aws.protocol.responses import success_response
from local_aws.protocol.routing import routed_request
from local_aws.protocol.service_models import load_service_model
from local_aws.protocol.signature import RequestContext, request_scope
from local_aws.protocol.wsgi import Environ, StartResponse, request_target

logger = logging.getLogger(__name__)

_UNSUPPORTED_LOCATIONS = frozenset({"header", "headers", "statusCode"})


class WireService:
    """A WSGI application that serves one AWS service with a handler.

    Operations without a method in the handler are refused. Any exception of the handler other than AwsError becomes an
    InternalFailure with status 500. Its traceback is only in the log.

    Args:
        service_name: botocore's name of the service.
        handler: An object with one method per operation. Each method has the operation's name, takes a RequestContext
            and the validated parameters, and returns the members of the response.

    Raises:
        ValueError: The service uses a protocol other than JSON and REST-JSON, or an operation has header or payload
            members.
    """

    def __init__(self, service_name: str, handler: object) -> None:
        self.service_name = service_name
        self.model = load_service_model(service_name)
        self._handler = handler
        protocol = self.model.resolved_protocol
        if protocol not in {"json", "rest-json"}:
            raise ValueError(f"{service_name}: {protocol} is not supported, only json and rest-json")
        if protocol == "rest-json":
            for name in self.model.operation_names:
                _refuse_header_and_payload_members(self.model.operation_model(name))

    def implements(self, operation_name: str) -> bool:
        """Return True if the handler has a method for the operation."""
        return operation_name in self.model.operation_names and callable(getattr(self._handler, operation_name, None))

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Respond to one signed request."""
        scope = request_scope(environ)
        if scope is None:
            missing = AwsError("MissingAuthenticationTokenException", "Request is missing Authentication Token", 403)
            return error_response(self.model, missing).send(start_response)
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        return self.respond(scope.context, environ, body).send(start_response)

    def respond(self, context: RequestContext, environ: Environ, body: bytes) -> HttpResponse:
        """Respond to one request.

        Args:
            context: The caller.
            environ: The WSGI environment.
            body: The request's whole body.

        Returns:
            The response, or the error in AWS's format.
        """
        try:
            return self._respond(context, environ, body)
        except AwsError as error:
            return error_response(self.model, error)
        except Exception:
            logger.exception("%s failed on %s", self.service_name, request_target(environ))
            failure = AwsError(
                "InternalFailure", f"The local {self.service_name} failed unexpectedly; its log has the traceback.", 500
            )
            return error_response(self.model, failure)

    def _respond(self, context: RequestContext, environ: Environ, body: bytes) -> HttpResponse:
        routed = routed_request(self.model, environ, body)
        if routed is None:
            status = 404 if self.model.resolved_protocol == "rest-json" else 400
            raise AwsError("UnknownOperationException", f"{self.service_name} has no {request_target(environ)}", status)
        method = getattr(self._handler, routed.operation.name, None)
        if not callable(method):
            raise refusal(self.service_name, routed.operation.name)
        result: dict[str, Any] | None = method(context, parsed_request(routed, body))
        return success_response(routed.operation, result)


def _refuse_header_and_payload_members(operation: OperationModel) -> None:
    for shape in filter(None, (operation.input_shape, operation.output_shape)):
        members: dict[str, Shape] = shape.members
        locations = {member.serialization.get("location") for member in members.values()}
        if "payload" in shape.serialization or locations & _UNSUPPORTED_LOCATIONS:
            raise ValueError(f"{operation.name}: header and payload members are not supported")
