"""The composition that all tests here look at, one after the other."""

import os
import time
from datetime import datetime

import pytest

from local_platform.airflow_services.api import AirflowApi
from tests.support.composition import OWN_IMAGES, Composition, docker, missing_docker
from tests.support.stand_in_images import default_images, make_available


@pytest.fixture(scope="session")
def composition(tmp_path_factory, request):
    """The running composition. What was measured is printed at the end."""
    if not os.environ.get("COMPOSE_TESTS"):
        pytest.skip("COMPOSE_TESTS is not set: make test-compose runs this")
    reason = missing_docker()
    if reason is not None:
        pytest.skip(reason)
    try:
        stand_ins = make_available(default_images())
    except RuntimeError as error:
        pytest.skip(f"no base images: {error}")
    found = Composition(f"crypto-prices-test-{os.getpid()}", tmp_path_factory.mktemp("checkout"), stand_ins)
    found.figures["Compose"] = found.compose("version").splitlines()[0]
    found.figures["stand-ins"] = ", ".join(stand_ins.values()) or "none"
    try:
        # As on a machine that has built neither: which service builds which must not matter.
        docker("image", "rm", "--force", *OWN_IMAGES)
        asked = time.time()
        found.compose("up", "--build", "--detach", seconds=1800)
        found.await_all_healthy(300)
        healthy, built = time.time(), datetime.fromisoformat(found.container("keys")["Created"]).timestamp()
        found.figures["build"] = f"{built - asked:.0f} s"
        found.figures["from up to healthy"] = f"{healthy - built:.0f} s"
        yield found
        if request.session.testsfailed:
            with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
                print(found.compose("logs", "--tail=60"))
    finally:
        found.compose("down", "--volumes", "--timeout", "30")
        # They are made of stand-ins, or of a test's copy: nobody shall find them under these names.
        docker("image", "rm", "--force", *OWN_IMAGES)
        with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
            print("\n" + "\n".join(f"{what}: {figure}" for what, figure in found.figures.items()))


@pytest.fixture(scope="session")
def airflow(composition):
    """The API of its Airflow."""
    return AirflowApi(f"http://127.0.0.1:{composition.ports['AIRFLOW_PORT']}")
