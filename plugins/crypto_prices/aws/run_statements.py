"""The Amazon provider's RedshiftDataOperator, whose failure is Redshift's own message."""

from __future__ import annotations

from typing import Any

from airflow.providers.amazon.aws.hooks.redshift_data import (
    FAILURE_STATES,
    RedshiftDataQueryAbortedError,
    RedshiftDataQueryFailedError,
)
from airflow.providers.amazon.aws.operators.redshift_data import RedshiftDataOperator
from airflow.providers.common.compat.sdk import AirflowException

from crypto_prices.aws.redshift_data import RedshiftStatementError


class RunStatementsOperator(RedshiftDataOperator):
    """A RedshiftDataOperator that fails with Redshift's message and nothing else.

    The provider (9.34.0) prints the task's context and the response of DescribeStatement into its exception. Both have
    text that people choose, such as the run id, the run's note and the statements, which contain the run id. The retry
    policy would take an error code in that text for one of Redshift's.
    """

    def execute(self, context: Any) -> Any:
        """Submit the statements, and defer until they have ended.

        Raises:
            RedshiftStatementError: They have failed already.
        """
        try:
            return super().execute(context)
        except (RedshiftDataQueryFailedError, RedshiftDataQueryAbortedError) as error:
            raise self._failure(self.statement_id, str(error)) from None

    def execute_complete(self, context: Any, event: dict[str, Any] | None = None) -> Any:
        """Return the statements' ids.

        Raises:
            RedshiftStatementError: A statement has failed.
            AirflowException: The trigger could not find out whether they have ended.
        """
        if event is not None and event["status"] == "error":
            raise self._failure(event["statement_id"], event["message"]) from None
        return super().execute_complete(context, event)

    def _failure(self, statement_id: str, message: str) -> Exception:
        answer = self.hook.conn.describe_statement(Id=statement_id)
        status = answer["Status"]
        if status in FAILURE_STATES:
            return RedshiftStatementError(statement_id, status, answer.get("Error", "no reason given"))
        return AirflowException(
            f"the wait for Redshift statement {statement_id} failed while it was {status.lower()}: {message}"
        )
