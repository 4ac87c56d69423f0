"""The status messages of the Amazon provider's waiters."""

import asyncio
import logging

import pytest
from airflow.providers.amazon.aws.hooks.glue import GlueJobHook
from airflow.providers.amazon.aws.utils import waiter_with_logging
from crypto_prices.aws.repeated_status import log_only_changes
from crypto_prices.curate.curate_prices import StoppingGlueJobTrigger

LOGGER = waiter_with_logging.__name__


class Waiting:
    """An asynchronous Glue client and its waiter, for a job run with these states."""

    def __init__(self, states):
        self.states = iter(states)

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        return None

    async def wait(self, **_):
        state = next(self.states)
        if state != "SUCCEEDED":
            response = {"JobRun": {"JobRunState": state}}
            raise waiter_with_logging.WaiterError(
                name="job_complete", reason="Max attempts exceeded", last_response=response
            )


def run_trigger(monkeypatch, states):
    waiting = Waiting(states)

    async def connect(_hook):
        return waiting

    monkeypatch.setattr(GlueJobHook, "get_async_conn", connect)
    monkeypatch.setattr(GlueJobHook, "get_waiter", lambda *_args, **_options: waiting)
    trigger = StoppingGlueJobTrigger(job_name="j", run_id="jr_1", waiter_delay=0, waiter_max_attempts=100)

    async def events():
        return [event async for event in trigger.run()]

    return asyncio.run(events())


def test_each_status_of_a_glue_run_is_logged_once(monkeypatch, caplog):
    caplog.set_level(logging.INFO, LOGGER)
    (event,) = run_trigger(monkeypatch, ["STARTING"] * 3 + ["RUNNING"] * 50 + ["SUCCEEDED"])
    assert event.payload == {"status": "success", "run_id": "jr_1"}
    assert [record.getMessage() for record in caplog.records if record.name == LOGGER] == [
        "Status of AWS Glue job is: STARTING",
        "Status of AWS Glue job is: RUNNING",
    ]


def test_other_waits_and_other_messages_are_not_affected(caplog):
    caplog.set_level(logging.INFO, LOGGER)
    log = logging.getLogger(LOGGER)

    async def quiet():
        log_only_changes()
        for _ in range(3):
            log.info("a")
            await asyncio.sleep(0)
        log.info("b")
        log.info("a")

    async def usual():
        for _ in range(3):
            log.info("c")
            await asyncio.sleep(0)

    async def both():
        await asyncio.gather(quiet(), usual())

    asyncio.run(both())
    messages = [record.getMessage() for record in caplog.records]
    assert [message for message in messages if message != "c"] == ["a", "b", "a"]
    assert messages.count("c") == 3


@pytest.fixture(autouse=True)
def _usual_filters():
    log = logging.getLogger(LOGGER)
    before = list(log.filters)
    yield
    log.filters[:] = before
