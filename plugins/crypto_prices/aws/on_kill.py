"""Ends what a killed trigger waits for, even if Airflow interrupts the trigger."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

_ending: set[asyncio.Task[None]] = set()
"""The event loop itself keeps only weak references to its tasks."""


async def to_its_end(request: Coroutine[Any, Any, None]) -> None:
    """Await a request that runs on even if the caller is cancelled.

    When a user ends a deferred task, the triggerer cancels its trigger, which calls ``on_kill``. About a second later
    it cancels the trigger once more, and so on until the trigger has ended (Airflow 3.3.1, ``cancelling_triggers`` in
    triggerer_job_runner.py). The second time interrupts an ``on_kill`` that has not ended, for example because it
    still connects to AWS, and nothing repeats it.

    Args:
        request: What ``on_kill`` has to do. It logs its own errors, because an interrupted caller does not get them.
    """
    task = asyncio.create_task(request)
    _ending.add(task)
    task.add_done_callback(_ending.discard)
    await asyncio.shield(task)
