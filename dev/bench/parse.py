"""The time to parse dags/, compared with a DAG that only has the same operators."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from dev.bench.measure import Measure, medians
from dev.bench.options import Options
from local_platform.checkout import REPOSITORY

_HELLO_WORLD = Path(__file__).with_name("hello_world")
_FIRST_GOAL, _IMPORTED_GOAL = 1.15, 5.0


def measures(options: Options, say: Callable[[str], None]) -> Iterator[Measure]:
    """Measure a parse in a fresh process, with and without the imports of Airflow and its providers.

    Args:
        options: The sizes.
        say: Shows what is being done.
    """
    for name, words, goal in (
        ("first parse of dags/", [], _FIRST_GOAL),
        ("parse of dags/ with providers imported", ["imported"], _IMPORTED_GOAL),
    ):
        say(f"  {name}")
        with tempfile.TemporaryDirectory(prefix="crypto-prices-bench-") as home:
            found = medians(
                options.rounds,
                {
                    "ours": lambda home=home, words=words: _parsed(home, REPOSITORY, words),  # type: ignore[misc]
                    "peer": lambda home=home, words=words: _parsed(home, _HELLO_WORLD, words),  # type: ignore[misc]
                },
            )
        yield Measure(name, found["ours"], found["peer"], goal)


def import_seconds(home: Path) -> float:
    """Return the seconds that a fresh process needs to import Airflow and the providers of the platform's DAGs.

    Args:
        home: Airflow's home.
    """
    home.mkdir(parents=True, exist_ok=True)
    return _parsed(str(home), _HELLO_WORLD, [])


def _parsed(home: str, bundle: Path, words: list[str]) -> float:
    """Return the seconds of a parse of a bundle's dags/, with its plugins/ if it has them.

    A fresh process imports everything again, with compiled files.
    """
    folder = bundle / "dags"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")} | {
        "AIRFLOW_HOME": home,
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder),
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "600",  # the machine may be busy
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(bundle / "plugins"),
        "PYTHONPATH": str(REPOSITORY),
    }
    command = [sys.executable, "-m", "dev.bench.parse_worker", str(folder), *words]
    done = subprocess.run(command, cwd=home, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout.splitlines()[-1])
