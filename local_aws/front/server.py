"""The front of the emulator: one port for all services. The SigV4 credential scope of a request selects the service."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Literal, cast

import uvicorn
from a2wsgi import WSGIMiddleware
from botocore.exceptions import DataNotFoundError
from botocore.model import ServiceModel

from local_aws.front.admission import Admission
from local_aws.front.call_log import CallLog
from local_aws.front.pretended import only_pretended
from local_aws.iam.guard import Admitted, Guard
from local_aws.iam.partial_deletes import with_errors, without_items
from local_aws.moto_backend.state import MOTO_SERVICES, MotoState
from local_aws.ports import ALL_ADDRESSES, LOOPBACK, bound_socket
from local_aws.protocol.conformance import conforming_response
from local_aws.protocol.errors import AwsError, error_response, refusal
from local_aws.protocol.http_request import HttpRequest
from local_aws.protocol.http_response import HttpResponse
from local_aws.protocol.routing import operation_of
from local_aws.protocol.service import WireService
from local_aws.protocol.service_models import SERVICES, load_service_model
from local_aws.protocol.signature import RequestContext, request_scope
from local_aws.protocol.wsgi import Environ, StartResponse, WsgiApplication, raw_path, request_target

logger = logging.getLogger(__name__)

HEALTH_PATH = "/_local_aws/health"


@dataclasses.dataclass(frozen=True)
class Call:
    """One API call, as passed to an interceptor.

    Attributes:
        service: The signing name of the service, for example ``s3`` or ``airflow``.
        operation: The operation's name, for example ``PutObject``.
        context: The caller.
        request: The request.
        client_port: The port on 127.0.0.1 that the request was sent from.
    """

    service: str
    operation: str
    context: RequestContext
    request: HttpRequest
    client_port: int | None


# Called with "before", and after the effect with "after" and the response. If it raises AwsError, that is the response.
# If it raises ConnectionResetError, the connection is dropped without a response.
Interceptor = Callable[[Call, Literal["before", "after"], HttpResponse | None], None]


class Front:
    """The WSGI application of the whole emulator.

    Args:
        moto: Handles the operations that no service of the emulator implements.
        services: The emulator's services by signing name (``airflow`` for MWAA). Operations that they do not implement
            go to moto, if moto has the service and does not only pretend to execute them.
        call_log: Logs each call.
        mounts: Other WSGI applications by path, such as ``/docs``. They handle unsigned requests below that path.
        interceptor: Called around each call. It may wait or raise, see Interceptor.
        guard: Refuses calls as IAM would. None allows every call.
        health: Returns additional members of the health page. With a member ``problem``, its status is 503.
    """

    def __init__(
        self,
        *,
        moto: MotoState,
        services: Mapping[str, WireService],
        call_log: CallLog,
        mounts: Mapping[str, WsgiApplication] = MappingProxyType({}),
        interceptor: Interceptor | None = None,
        guard: Guard | None = None,
        health: Callable[[], Mapping[str, Any]] = dict,
    ) -> None:
        self._moto = moto
        self._admission = Admission(moto)
        self._services = services
        self._call_log = call_log
        self._mounts = dict(mounts)
        self._interceptor = interceptor
        self._guard = guard
        self._health = health
        self._ended = False

    def end(self) -> None:
        """Drop the connections of calls that are still being handled. Call this before the stores are closed."""
        self._ended = True

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Respond to one request.

        Raises:
            ConnectionError: The connection must be dropped without a response.
        """
        try:
            return self._answer(environ, start_response)
        except Exception as error:
            # Without its stores, a call cannot succeed. Its client sees what it would see of a process that has ended.
            if self._ended:
                raise ConnectionResetError("the local AWS has stopped") from error
            raise

    def _answer(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        server_scope = environ.get("asgi.scope")
        if server_scope is not None:  # decoding would change S3 keys and ARNs
            environ["REQUEST_URI"] = environ["RAW_URI"] = server_scope["raw_path"].decode("latin-1")
        path = raw_path(environ)
        scope = request_scope(environ)
        if scope is None and path == HEALTH_PATH:
            return self._health_response().send(start_response)
        if scope is None and (mount := self._mount_of(path)) is not None:
            below = environ["PATH_INFO"].removeprefix(mount)
            return self._mounts[mount]({**environ, "SCRIPT_NAME": mount, "PATH_INFO": below}, start_response)
        if scope is None:
            missing = AwsError(
                "MissingAuthenticationToken", "The request is not signed; the local AWS needs SigV4.", 403
            )
            return error_response(_model_for(None, environ), missing).send(start_response)

        started_at, started = datetime.now(UTC), time.monotonic()
        request = _request_of(environ)
        operation = operation_of(scope.service, environ, request.body) if scope.service in SERVICES else None
        response = self._respond(scope.service, operation, scope.context, environ, request)
        self._call_log.write(
            service=scope.service,
            operation=operation,
            request=request,
            response=response,
            access_key_id=scope.context.access_key_id,
            region=scope.context.region,
            started_at=started_at,
            seconds=time.monotonic() - started,
        )
        return response.send(start_response)

    def _mount_of(self, path: str) -> str | None:
        """Return the mount whose path contains a path, or None."""
        return next((mount for mount in self._mounts if path.startswith(f"{mount}/")), None)

    def _respond(
        self, service: str, operation: str | None, context: RequestContext, environ: Environ, request: HttpRequest
    ) -> HttpResponse:
        try:
            if service not in SERVICES:
                raise refusal(service, None)
            if operation is None:
                raise AwsError(
                    "UnknownOperationException", f"{service} has no such operation: {request_target(environ)}", 404
                )
            _refuse_bucket_in_host(service, environ)
            client = (environ.get("asgi.scope") or {}).get("client")
            call = Call(service, operation, context, request, None if client is None else client[1])
            admitted = None if self._guard is None else self._guard.admit(service, operation, context, request)
            if self._interceptor is not None:
                self._interceptor(call, "before", None)
            response = self._execute(call, environ, admitted)
            if self._interceptor is not None:
                self._interceptor(call, "after", response)
        except AwsError as error:
            return error_response(_model_for(service, environ), error)
        except ConnectionError:
            raise  # dropped by the interceptor
        except Exception:
            if self._ended:
                raise
            logger.exception("%s %s failed", service, operation)
            failure = AwsError(
                "InternalFailure", f"The local {service} failed unexpectedly; its log has the traceback.", 500
            )
            return error_response(_model_for(service, environ), failure)
        return response

    def _execute(self, call: Call, environ: Environ, admitted: Admitted | None) -> HttpResponse:
        ours = self._services.get(call.service)
        if ours is not None and (ours.implements(call.operation) or call.service not in MOTO_SERVICES):
            return ours.respond(call.context, environ, call.request.body)
        if call.service not in MOTO_SERVICES or only_pretended(call.service, call.operation):
            raise refusal(call.service, call.operation)
        request = self._admission.admitted(call.service, call.operation, call.context, call.request)
        refused = {} if admitted is None else admitted.refused_items
        if not refused:
            return _conforming(call, self._moto.respond(call.service, call.operation, request))
        left = without_items(request, refused)
        response = None if left is None else self._moto.respond(call.service, call.operation, left)
        return with_errors(response, request.body, refused)

    def _health_response(self) -> HttpResponse:
        found = self._health()
        healthy = "problem" not in found
        body = {"status": "ok" if healthy else "error", "services": sorted({*self._services, *MOTO_SERVICES}), **found}
        return HttpResponse(200 if healthy else 503, [("Content-Type", "application/json")], json.dumps(body).encode())


def _conforming(call: Call, response: HttpResponse) -> HttpResponse:
    """Return moto's response without what the service's model does not have; moto itself follows it in XML."""
    model = load_service_model(SERVICES[call.service])
    if not any(name.lower() == "x-amz-target" for name, _ in call.request.headers):
        return response
    return conforming_response(model.operation_model(call.operation), response)


def _request_of(environ: Environ) -> HttpRequest:
    body: bytes = environ["wsgi.input"].read()
    server_scope = environ.get("asgi.scope")
    if server_scope is None:
        raise ValueError("the front needs the headers as they were sent, from an ASGI server")
    return HttpRequest(
        method=environ["REQUEST_METHOD"],
        raw_path=raw_path(environ),
        query=environ.get("QUERY_STRING", ""),
        headers=tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in server_scope["headers"]),
        body=body,
    )


def _refuse_bucket_in_host(service: str, environ: Environ) -> None:
    host = environ.get("HTTP_HOST", "").split(":", 1)[0]
    if service == "s3" and host.endswith(".localhost"):
        raise AwsError(
            "InvalidRequest",
            f"The bucket is in the host name {host}; use 127.0.0.1 or path-style addresses for the local S3.",
        )


def _model_for(service: str | None, environ: Environ) -> ServiceModel:
    """Return the model that determines the protocol of an error. It exists for refused services, too."""
    try:
        return load_service_model(SERVICES.get(service or "s3", service or "s3"))
    except DataNotFoundError:
        # The signing name is not a botocore name. The form of the request shows the protocol of the client.
        return load_service_model("kms" if "HTTP_X_AMZ_TARGET" in environ else "mwaa")


class HttpServer:
    """Serves a WSGI application on a port, with a pool of threads, from its own thread.

    uvicorn keeps connections open, handles ``Expect: 100-continue`` and passes on the path as it was sent. moto's own
    server (werkzeug) closes each connection.

    Args:
        application: The application.
        port: The port, or 0 for any free port.
        host: The IPv4 address to listen on, or ``0.0.0.0`` for all addresses of this machine.

    Raises:
        PortNotFreeError: The port is in use, or this machine does not have the address.
    """

    def __init__(self, application: WsgiApplication, *, port: int, host: str = LOOPBACK) -> None:
        self._socket = bound_socket(port, host)
        self._own_host = LOOPBACK if host == ALL_ADDRESSES else host
        self.port: int = self._socket.getsockname()[1]
        self._bridge = WSGIMiddleware(cast("Any", application), workers=_THREADS)
        config = uvicorn.Config(
            self._serve,
            interface="asgi3",  # uvicorn would guess an older one for a bound method
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_GRACE_SECONDS,
            proxy_headers=False,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="local-aws-http", daemon=True
        )

    @property
    def endpoint(self) -> str:
        """The value of AWS_ENDPOINT_URL for clients on this machine."""
        return f"http://{self._own_host}:{self.port}"

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await self._bridge(scope, receive, send)
        except (ConnectionError, asyncio.CancelledError):
            # The application drops the connection without a response, or uvicorn stops while it is at work. ASGI has no
            # message for that, and uvicorn would respond with an error.
            send.__self__.transport.abort()
            await asyncio.sleep(0)  # until the connection is gone

    def start(self) -> None:
        """Start serving. When this returns, the port accepts connections."""
        self._socket.listen(128)
        self._thread.start()

    def stop(self) -> None:
        """Stop serving. Current requests have a short time to finish."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(_GRACE_SECONDS + 3)
        self._socket.close()
        self._bridge.executor.shutdown(wait=False, cancel_futures=True)


# The emulator's services call the front themselves (COPY reads S3), so there must be many more threads than callers.
_THREADS = 64
_KEEP_ALIVE_SECONDS = 75
_GRACE_SECONDS = 2
