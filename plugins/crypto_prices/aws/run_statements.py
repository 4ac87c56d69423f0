"""The Amazon provider's RedshiftDataOperator: its statements end with its task, its error is Redshift's message."""

from __future__ import annotations

from typing import Any

from airflow.providers.amazon.aws.hooks.redshift_data import (
    FAILURE_STATES,
    RedshiftDataQueryAbortedError,
    RedshiftDataQueryFailedError,
)
from airflow.providers.amazon.aws.operators.redshift_data import RedshiftDataOperator
from airflow.providers.amazon.aws.triggers.redshift_data import RedshiftDataTrigger
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.providers.common.compat.sdk import AirflowException
from botocore.exceptions import BotoCoreError, ClientError

from crypto_prices.aws.on_kill import to_its_end
from crypto_prices.aws.redshift_data import RedshiftStatementError, cancel_statement

_SUBMITTED = "submitted_statement"
"""The key in Airflow's state of the task that has the id of the statement or batch that the task waits for."""


class CancellingStatementsTrigger(RedshiftDataTrigger):
    """Waits for statements. If a user ends the deferred task, it cancels them even if Airflow interrupts that."""

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the path of this class, and the provider's arguments."""
        return f"{type(self).__module__}.{type(self).__qualname__}", super().serialize()[1]

    async def on_kill(self) -> None:
        """Cancel the statements."""
        await to_its_end(super().on_kill())


class RunStatementsOperator(RedshiftDataOperator):
    """A deferrable RedshiftDataOperator whose statements end with its task. It takes the provider's arguments.

    ``max_query_execution_time`` limits each statement, not a batch, so a batch can take longer than its task. The
    provider (9.34.0) cancels it if ``execution_timeout`` passes while a worker submits it, and, unless Airflow
    interrupts that, if a user clears or marks the task. Otherwise the batch runs on. If the timeout passes while the
    task is deferred, Airflow calls neither the trigger's nor the operator's ``on_kill``, and resumes the task only to
    fail it. The same happens if the trigger fails or a status check fails.

    Here the trigger cancels the statements whenever a user clears or marks the task. The operator keeps their id in
    Airflow's state of the task. It cancels them

    - if the deferral ends with a timeout or an error,
    - if the task fails or times out after it submitted them,
    - at the start of the next try, in case the worker was killed.

    Cancelling statements that have ended does nothing. Until the cancellation of earlier statements succeeds, no try
    submits new ones. Statements are not found again if the worker is killed in the moment between the submission and
    the deferral.

    It fails with Redshift's message and nothing else. The provider prints the task's context and the response of
    DescribeStatement into its exception. Both have text that people choose, such as the run id, the run's note and the
    statements, which contain the run id. The retry policy would take an error code in that text for one of Redshift's.
    """

    template_fields = aws_template_fields(*RedshiftDataOperator.template_fields)

    def __init__(self, **kwargs: Any) -> None:
        # By default (synchronous and durable), a cleared task re-reads the old statement and runs nothing.
        super().__init__(**{**kwargs, "deferrable": True, "cancel_on_kill": True})

    def execute(self, context: Any) -> Any:
        """Cancel the statements of an earlier try, submit the statements, and defer until they have ended.

        Raises:
            RedshiftStatementError: They have failed already.
            AirflowException: The statements of an earlier try could not be cancelled, so nothing was submitted.
        """
        self._recall(context)
        if not self._end_submitted():
            raise AirflowException(
                f"statement {self.statement_id} of an earlier try could not be cancelled and may still run, so nothing "
                "was submitted: the log has the reason, and the next try cancels it"
            )
        del self.statement_id
        try:
            return super().execute(context)
        except (RedshiftDataQueryFailedError, RedshiftDataQueryAbortedError) as error:
            raise self._failure(self.statement_id, str(error)) from None
        except Exception:
            self._cancel()
            raise

    def execute_complete(self, context: Any, event: dict[str, Any] | None = None) -> Any:
        """Return the statements' ids.

        Raises:
            RedshiftStatementError: A statement has failed.
            AirflowException: The trigger could not find out whether they have ended.
        """
        if event is not None and event["status"] == "error":
            raise self._failure(event["statement_id"], event["message"]) from None
        return super().execute_complete(context, event)

    def defer(self, *, trigger: Any, **kwargs: Any) -> Any:
        """Defer, after keeping the statement's id for the worker that resumes the task."""
        self._state_store.set(_SUBMITTED, self.statement_id)
        _, arguments = trigger.serialize()
        super().defer(trigger=CancellingStatementsTrigger(**arguments), **kwargs)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Any) -> Any:
        """Finish the task after its deferral. If the deferral or the rest of the task fails, cancel the statements."""
        self._recall(context)
        try:
            result = super().resume_execution(next_method, next_kwargs, context)
        except Exception:
            self._end_submitted()
            raise
        self._state_store.delete(_SUBMITTED)
        return result

    def on_kill(self) -> None:
        """Cancel the submitted statements. Airflow also calls this when ``execution_timeout`` passes in a worker."""
        self._cancel()

    def _recall(self, context: Any) -> None:
        self._state_store = context["task_state_store"]
        self.statement_id = str(self._state_store.get(_SUBMITTED) or "")

    def _end_submitted(self) -> bool:
        """Cancel the statements that the task waited for, and forget them unless the request failed.

        Returns:
            Whether they end.
        """
        ended = self._cancel()
        if ended:
            self._state_store.delete(_SUBMITTED)
        return ended

    def _cancel(self) -> bool:
        """Cancel the submitted statements, and return whether they end.

        A failure is only logged, so that it does not hide why the task failed. Then the id is kept for the next try.
        """
        statement_id = getattr(self, "statement_id", "")
        if not statement_id:
            return True
        try:
            cancelled = cancel_statement(self.hook.conn, statement_id)
        except (BotoCoreError, ClientError):
            self.log.exception("Could not cancel statement %s. The next try cancels it", statement_id)
            self._state_store.set(_SUBMITTED, statement_id)
            return False
        if cancelled:
            self.log.warning("Cancelled statement %s", statement_id)
        return True

    def _failure(self, statement_id: str, message: str) -> Exception:
        answer = self.hook.conn.describe_statement(Id=statement_id)
        status = answer["Status"]
        if status in FAILURE_STATES:
            return RedshiftStatementError(statement_id, status, answer.get("Error", "no reason given"))
        return AirflowException(
            f"the wait for Redshift statement {statement_id} failed while it was {status.lower()}: {message}"
        )
