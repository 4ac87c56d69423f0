"""A demo on one state folder with a small recording, and the bench of ``make chaos``."""

import pytest
from moto.moto_api._internal.models import moto_api_backend

from dev.chaos.bench import Bench
from tests.support.demo_runs import Demo, write_recording


@pytest.fixture(scope="package")
def demo(starts_airflow, starts_local_aws, starts_spark, tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo-für")
    write_recording(folder / "recording")
    return Demo(folder / "state", folder / "recording")


@pytest.fixture(scope="module")
def bench(starts_airflow, starts_local_aws, starts_spark, tmp_path_factory):
    """Run a local AWS that can inject faults and a real Airflow against it, for the tests of a module.

    The local AWS runs in this process, and moto's state is global to a process, so it is reset for other tests.
    """
    yield from _bench(tmp_path_factory)
    moto_api_backend.reset()


def _bench(tmp_path_factory):
    # A case with two runs of a day needs two Glue runs at the same time.
    with Bench(tmp_path_factory.mktemp("bench") / "state", glue_runs_at_once=2) as started:
        for dag_id in ("crypto_prices_window", "crypto_prices_backfill", "crypto_prices_audit"):
            started.api.unpause(dag_id)
        yield started
