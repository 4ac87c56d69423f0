"""The Amazon provider's GlueJobOperator, with a Glue run that ends with its task, and an error with Glue's message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.providers.amazon.aws.operators.glue import GlueJobOperator
from airflow.providers.amazon.aws.triggers.glue import GlueJobCompleteTrigger
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import ResumableJobMixin


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
    works only while a worker holds the task.
    """

    async def on_kill(self) -> None:
        """Stop the Glue run."""
        self.log.info("Stopping run %s of Glue job %s", self.run_id, self.job_name)
        hook: Any = self.hook()
        async with await hook.get_async_conn() as client:
            answer = await client.batch_stop_job_run(JobName=self.job_name, JobRunIds=[self.run_id])
        for error in answer.get("Errors", []):
            self.log.warning("Could not stop Glue run %s: %s", self.run_id, error.get("ErrorDetail"))


class CuratePricesOperator(GlueJobOperator):
    """A deferrable GlueJobOperator whose Glue run ends with its task.

    It takes the provider's arguments. ``deferrable`` and ``stop_job_run_on_kill`` are always true. Newer providers
    (seen in 9.39.0, not in 9.34.0) are durable by default: a retry waits for the Glue run of an earlier try.
    ``durable`` is always false where it exists, because each try has its own batch id.
    """

    template_fields: Sequence[str] = aws_template_fields(*GlueJobOperator.template_fields)

    def __init__(self, **kwargs: Any) -> None:
        durable = {"durable": False} if issubclass(GlueJobOperator, ResumableJobMixin) else {}
        super().__init__(**{**kwargs, "deferrable": True, "stop_job_run_on_kill": True} | durable)

    def defer(self, *, trigger: Any, **kwargs: Any) -> Any:
        """Defer with a trigger that stops the Glue run when it is killed."""
        _, arguments = trigger.serialize()
        super().defer(trigger=StoppingGlueJobTrigger(**arguments), **kwargs)

    def execute_complete(self, context: Any, event: dict[str, Any] | None = None) -> str:
        """Return the Glue run's id.

        Raises:
            GlueRunError: The Glue run failed.
        """
        if event is not None and event["status"] != "success":
            raise GlueRunError(event["run_id"], event["message"])
        job_run_id: str = super().execute_complete(context, event)
        return job_run_id
