"""The Compose project that all tests of this folder use, in order."""

import os
import time
from datetime import datetime

import pytest

from local_platform.airflow_services.api import AirflowApi
from tests.support.composition import OWN_IMAGES, Composition, docker, missing_docker
from tests.support.stand_in_images import default_images, make_available


@pytest.fixture(scope="session")
def composition(tmp_path_factory, request):
    """Run the Compose project, and print the measurements at the end."""
    if not os.environ.get("COMPOSE_TESTS"):
        pytest.skip("COMPOSE_TESTS is not set; use make test-compose")
    reason = missing_docker()
    if reason is not None:
        pytest.skip(reason)
    try:
        stand_ins = make_available(default_images())
    except RuntimeError as error:
        pytest.skip(f"no base images: {error}")
    found = Composition(f"crypto-prices-test-{os.getpid()}", tmp_path_factory.mktemp("checkout"), stand_ins)
    found.measurements["Compose"] = found.compose("version").splitlines()[0]
    found.measurements["stand-ins"] = ", ".join(stand_ins.values()) or "none"
    try:
        # Start without the images that docker-compose.yaml builds, like a machine on first use.
        docker("image", "rm", "--force", *OWN_IMAGES)
        began = time.time()
        found.compose("up", "--build", "--detach", seconds=1800)
        found.await_all_healthy(300)
        healthy, built = time.time(), datetime.fromisoformat(found.container("keys")["Created"]).timestamp()
        found.measurements["build"] = f"{built - began:.0f} s"
        found.measurements["from up to healthy"] = f"{healthy - built:.0f} s"
        yield found
        if request.session.testsfailed:
            with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
                print(found.compose("logs", "--tail=60"))
    finally:
        found.compose("down", "--volumes", "--timeout", "30")
        # These images are based on stand-ins or on a test's copy, so they must not keep the names of real ones.
        docker("image", "rm", "--force", *OWN_IMAGES)
        with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
            print("\n" + "\n".join(f"{what}: {value}" for what, value in found.measurements.items()))


@pytest.fixture(scope="session")
def airflow(composition):
    """Return the API client of the project's Airflow."""
    return AirflowApi(f"http://127.0.0.1:{composition.ports['AIRFLOW_PORT']}")
