"""``python -m dev.bench.parse_worker``: parse a folder of DAGs in a fresh process, and print how long it took."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path

_IMPORTED = Path(__file__).with_name("hello_world") / "dags" / "hello_world.py"


def main(arguments: Sequence[str]) -> None:
    """Parse, and print the seconds.

    Args:
        arguments: The folder. Then ``imported``, if the imports of Airflow and its providers do not count.
    """
    folder, *words = arguments
    began = time.perf_counter()
    bag_module = importlib.import_module("airflow.dag_processing.dagbag")
    if words == ["imported"]:
        exec(compile(_IMPORTED.read_text(), str(_IMPORTED), "exec"), {"__name__": "imported"})  # noqa: S102 - our own file
        began = time.perf_counter()
    bag = bag_module.DagBag(dag_folder=folder)
    seconds = time.perf_counter() - began
    if bag.import_errors or not bag.dags:
        raise SystemExit(f"{folder}: {bag.import_errors or 'no DAGs'}")
    print(seconds)


if __name__ == "__main__":
    main(sys.argv[1:])
