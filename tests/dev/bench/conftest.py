"""The local platform that the rows of whole runs are measured on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dev.bench.loading_platform import LoadingPlatform, loading_platform


@pytest.fixture(scope="session")
def platform(
    starts_local_aws: None,
    starts_spark: None,
    starts_warehouse: None,
    starts_airflow: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[LoadingPlatform]:
    """Yield a started platform with 20 markets."""
    with loading_platform(tmp_path_factory.mktemp("bench")) as started:
        yield started
