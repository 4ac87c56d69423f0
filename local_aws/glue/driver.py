"""Runs a job's script as Glue's driver does, and writes down how it ended. Started by Spark, in the job run's process.

Called as ``driver.py <outcome file> <script> <argument>…``. The outcome file gets ``{"error": text or null}`` as JSON;
if it is missing afterwards, the process was ended from outside.
"""

from __future__ import annotations

import ctypes
import json
import os
import runpy
import signal
import sys
import traceback
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def main() -> int:
    """Run the script and return the exit code."""
    if sys.platform == "linux":
        # A script that sleeps would not notice that Spark's JVM, which started this process, was killed.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    outcome, script, *arguments = sys.argv[1:]
    sys.argv = [script, *arguments]
    error: str | None = None
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as ending:
        # Glue takes sys.exit() and sys.exit(0) for success, everything else for a failure.
        if ending.code not in (None, 0):
            error = f"SystemExit: {ending.code}"
    except BaseException as failure:  # noqa: BLE001 - whatever ends the script ends the run, and is its error message
        traceback.print_exc()
        error = f"{type(failure).__name__}: {failure}"
    unfinished = Path(f"{outcome}.new")
    unfinished.write_text(json.dumps({"error": error}), encoding="utf-8")
    os.replace(unfinished, outcome)
    return 0 if error is None else 1


if __name__ == "__main__":
    sys.exit(main())
