"""The complete local platform with 20 markets, and the wall time of its runs."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from datetime import time as time_of_day
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
from crypto_prices_contract.s3_keys import DATASET, RAW_OBJECT_SUFFIX

from local_aws.clients import local_client
from local_exchange.server import served_markets
from local_platform.markets import Markets
from local_platform.provision import provision
from local_platform.running_platform import LocalPlatform

SOURCE = "binance"
_MARKETS = 20
_RUN_SECONDS = 3 * 3600
_LOOK_SECONDS = 0.25
_DAILY = "crypto_prices_daily"


class LoadingPlatform:
    """A started local platform that loads 20 markets.

    Args:
        platform: The platform.
        symbols: The markets.
    """

    def __init__(self, platform: LocalPlatform, symbols: Sequence[str]) -> None:
        self._platform = platform
        self._symbols = symbols

    def use_interval(self, candle_interval: str) -> None:
        """Set the length of the candles that later runs load."""
        provision(self._platform.names.endpoint, symbols={SOURCE: self._symbols}, candle_interval=candle_interval)

    def load_day(self, day: date) -> float:
        """Run crypto_prices_daily for a day, and return the seconds until the run has succeeded."""
        return self.run(_DAILY, logical_date=datetime.combine(day, time_of_day(), UTC))

    def run(self, dag_id: str, *, logical_date: datetime | None = None, conf: Mapping[str, Any] | None = None) -> float:
        """Run a DAG, and return the seconds until the run has succeeded.

        Raises:
            RuntimeError: It failed.
        """
        api = self._platform.airflow.api
        began = time.perf_counter()
        run_id = api.trigger(dag_id, logical_date=logical_date, conf=conf)["dag_run_id"]
        ended = api.wait_for_dag_run(
            dag_id,
            run_id,
            timeout_seconds=_RUN_SECONDS,
            look_seconds=_LOOK_SECONDS,
            on_look=lambda _run: self._platform.check(),
        )
        seconds = time.perf_counter() - began
        if ended["state"] != "success":
            failed = [task["task_id"] for task in api.task_instances(dag_id, run_id, states=["failed"])]
            raise RuntimeError(f"the run {run_id} of {dag_id} failed in {', '.join(failed)}")
        return seconds

    def responses(self) -> int:
        """Return the number of the exchange's responses that have been stored."""
        pages = local_client("s3", self._platform.names.endpoint).get_paginator("list_objects_v2")
        found = pages.paginate(Bucket=self._platform.names.bucket, Prefix=f"raw/{DATASET}/source={SOURCE}/")
        return sum(entry["Key"].endswith(RAW_OBJECT_SUFFIX) for page in found for entry in page.get("Contents", []))


@contextlib.contextmanager
def loading_platform(folder: Path) -> Iterator[LoadingPlatform]:
    """Run the local AWS and Airflow with 20 markets of the local exchange.

    Args:
        folder: The state folder.
    """
    symbols = sorted(served_markets(None)[SOURCE])[:_MARKETS]
    # Unpausing a DAG must not also start its scheduled run.
    environment = {"AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False"}
    with LocalPlatform(folder, Markets({SOURCE: symbols}, None), extra_environment=environment) as platform:
        platform.airflow.api.unpause(_DAILY)
        yield LoadingPlatform(platform, symbols)


class PeakMemory:
    """Samples the resident memory of this process's descendants while it is open; a context manager.

    Attributes:
        megabytes: The largest sum of one sample. Memory that processes share counts for each of them.
    """

    def __init__(self) -> None:
        self.megabytes = 0.0
        self._ended = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> PeakMemory:
        """Begin to sample."""
        self._sampler.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._ended.set()
        self._sampler.join()

    def _sample(self) -> None:
        while True:
            resident = 0
            for process in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    resident += process.memory_info().rss
            self.megabytes = max(self.megabytes, resident / 1e6)
            if self._ended.wait(1):
                return
