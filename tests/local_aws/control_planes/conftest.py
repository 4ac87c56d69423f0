"""Our own services on a port. Tests of a control plane need neither moto nor Spark nor PostgreSQL."""

import datetime as dt
import itertools

import pytest

from local_aws.clients import local_client
from local_aws.control_planes.resources import Resources
from local_aws.front.server import HttpServer
from local_aws.protocol.service import WireService


@pytest.fixture
def resources(tmp_path):
    # A clock that moves only when it is read, so that the load of the machine does not affect how long a status lasts.
    looks = itertools.count()
    begin = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    opened = Resources(
        tmp_path / "resources.sqlite", now=lambda: begin + dt.timedelta(seconds=next(looks)), pending_seconds=12
    )
    yield opened
    opened.close()


@pytest.fixture
def serve():
    servers = []

    def serve(service, handler):
        wire = WireService(service, handler)

        def application(environ, start_response):
            environ["REQUEST_URI"] = environ["asgi.scope"]["raw_path"].decode()
            return wire(environ, start_response)

        servers.append(HttpServer(application, port=0))
        servers[-1].start()
        return local_client(service, servers[-1].endpoint)

    yield serve
    for server in servers:
        server.stop()
