"""The Amazon provider's GlueJobOperator, with a Glue run that ends with its task, and an error with Glue's message."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from airflow.providers.amazon.aws.operators.glue import GlueJobOperator
from airflow.providers.amazon.aws.triggers.glue import GlueJobCompleteTrigger
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.providers.common.compat.sdk import AirflowException
from airflow.sdk import ResumableJobMixin
from airflow.triggers.base import TriggerEvent
from botocore.exceptions import BotoCoreError, ClientError

from crypto_prices.aws.on_kill import to_its_end
from crypto_prices.aws.repeated_status import log_only_changes

_STARTED = "started_glue_run"
"""The key in Airflow's state of the task that has the id of the Glue run that the task waits for."""
_NOT_ENDED = frozenset({"STARTING", "RUNNING", "WAITING"})
"""The states of a Glue run that neither has ended nor is stopping:
https://docs.aws.amazon.com/glue/latest/webapi/API_JobRun.html"""


class GlueRunError(RuntimeError):
    """A Glue run failed, or the wait for it failed.

    Args:
        job_run_id: The Glue run.
        reason: The message of the trigger, which contains Glue's.
    """

    def __init__(self, job_run_id: str, reason: str) -> None:
        super().__init__(job_run_id, reason)
        self.job_run_id = job_run_id
        self.reason = reason

    def __str__(self) -> str:
        return f"Glue run {self.job_run_id} failed: {self.reason}"


class StoppingGlueJobTrigger(GlueJobCompleteTrigger):
    """Waits for a Glue run, and stops it when a user marks or clears the deferred task.

    Airflow calls ``on_kill`` only for a user's action, never when a triggerer restarts. The provider's Redshift trigger
    cancels its statement there, but its Glue trigger (9.34.0) does nothing. The operator's ``stop_job_run_on_kill``
    works only while a worker holds the task. The task's log has each status once, not once per poll.
    """

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait until the Glue run has ended."""
        log_only_changes()
        async for event in super().run():
            yield event

    async def on_kill(self) -> None:
        """Stop the Glue run, even if Airflow interrupts this."""
        await to_its_end(self._stop())

    async def _stop(self) -> None:
        self.log.info("Stopping run %s of Glue job %s", self.run_id, self.job_name)
        hook: Any = self.hook()
        try:
            async with await hook.get_async_conn() as client:
                answer = await client.batch_stop_job_run(JobName=self.job_name, JobRunIds=[self.run_id])
        except (BotoCoreError, ClientError):
            self.log.exception("Could not stop Glue run %s. The next try stops it", self.run_id)
            return
        for error in answer.get("Errors", []):
            self.log.warning("Could not stop Glue run %s: %s", self.run_id, error.get("ErrorDetail"))


class CuratePricesOperator(GlueJobOperator):
    """A deferrable GlueJobOperator whose Glue run ends with its task.

    It takes the provider's arguments. ``deferrable`` and ``stop_job_run_on_kill`` are always true. Newer providers
    (seen in 9.39.0, not in 9.34.0) are durable by default: a retry waits for the Glue run of an earlier try.
    ``durable`` is always false where it exists, because each try has its own batch id.

    The trigger stops the Glue run if a user ends the deferred task. The provider stops it if ``execution_timeout``
    passes while a worker holds the task. This operator keeps the run's id in Airflow's state of the task, and also
    stops the run

    - if the deferral ends with a timeout or an error, for example because GetJobRun was refused,
    - if the task fails after it started the run,
    - at the start of the next try, in case the worker was killed.

    Until an earlier run has ended or is stopping, no try starts another one. A run is not found again if the worker is
    killed in the moment between its start and the deferral.
    """

    template_fields: Sequence[str] = aws_template_fields(*GlueJobOperator.template_fields)

    def __init__(self, **kwargs: Any) -> None:
        durable = {"durable": False} if issubclass(GlueJobOperator, ResumableJobMixin) else {}
        super().__init__(**{**kwargs, "deferrable": True, "stop_job_run_on_kill": True} | durable)

    def execute(self, context: Any) -> Any:
        """Stop the Glue run of an earlier try, start a run, and defer until it has ended.

        Raises:
            AirflowException: The Glue run of an earlier try could not be stopped, so no run was started.
        """
        self._recall(context)
        if not self._end_run():
            raise AirflowException(
                f"Glue run {self._job_run_id} of an earlier try could not be stopped and may still run, so no run was "
                "started: the log has the reason, and the next try stops it"
            )
        self._job_run_id = None
        try:
            return super().execute(context)
        except Exception:
            self._end_run()
            raise

    def defer(self, *, trigger: Any, **kwargs: Any) -> Any:
        """Defer with a trigger that stops the Glue run when it is killed, after keeping the run's id."""
        _, arguments = trigger.serialize()
        self._state_store.set(_STARTED, arguments["run_id"])
        super().defer(trigger=StoppingGlueJobTrigger(**arguments), **kwargs)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Any) -> Any:
        """Finish the task after its deferral. If the deferral or the rest of the task fails, stop the Glue run."""
        self._recall(context)
        try:
            result = super().resume_execution(next_method, next_kwargs, context)
        except Exception:
            self._end_run()
            raise
        self._state_store.delete(_STARTED)
        return result

    def execute_complete(self, context: Any, event: dict[str, Any] | None = None) -> str:
        """Return the Glue run's id.

        Raises:
            GlueRunError: The Glue run failed, or the wait for it failed.
        """
        if event is not None and event["status"] != "success":
            raise GlueRunError(event["run_id"], event["message"])
        job_run_id: str = super().execute_complete(context, event)
        return job_run_id

    def on_kill(self) -> None:
        """Stop the started Glue run. Airflow calls this when ``execution_timeout`` passes in a worker."""
        if self._job_run_id:
            self._end_run()

    def _recall(self, context: Any) -> None:
        self._state_store = context["task_state_store"]
        self._job_run_id = self._state_store.get(_STARTED)

    def _end_run(self) -> bool:
        """Stop the started Glue run unless it has ended, and forget it. Return whether it ends.

        A failure is only logged, so that it does not hide why the task failed. Then the id is kept for the next try.
        """
        if not self._job_run_id:
            return True
        try:
            ends = self._stop_run(self._job_run_id)
        except (BotoCoreError, ClientError):
            self.log.exception("Could not stop Glue run %s", self._job_run_id)
            ends = False
        if ends:
            self._state_store.delete(_STARTED)
        else:
            self.log.error("Glue run %s may still run. The next try stops it", self._job_run_id)
            self._state_store.set(_STARTED, self._job_run_id)
        return ends

    def _stop_run(self, job_run_id: str) -> bool:
        client: Any = self.hook.conn
        answer = client.batch_stop_job_run(JobName=self.job_name, JobRunIds=[job_run_id])
        if answer["SuccessfulSubmissions"]:
            self.log.warning("Stopping Glue run %s", job_run_id)
            return True
        # Glue refuses to stop a run that has ended or is stopping. It documents no error code for that.
        state = client.get_job_run(JobName=self.job_name, RunId=job_run_id)["JobRun"]["JobRunState"]
        return state not in _NOT_ENDED
