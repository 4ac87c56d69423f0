"""Services of ours alone on a port: neither moto nor Spark nor PostgreSQL is needed to test a control plane."""

import pytest

from local_aws.control_planes.resources import Resources
from local_aws.provision import local_client
from local_aws.server import HttpServer
from local_aws.wire import WireService


@pytest.fixture
def resources(tmp_path):
    opened = Resources(tmp_path / "resources.sqlite", pending_seconds=0.05)
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
