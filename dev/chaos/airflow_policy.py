"""Airflow's ``airflow_local_settings.py`` under the harness: short delays and timeouts, and the guard switches."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.amazon.aws.hooks.base_aws import AwsGenericHook
from airflow.sdk import RetryDecision
from crypto_prices.task_retry_policy import TaskRetryPolicy

from dev.chaos import guards
from dev.chaos.faults import TASK_SECONDS
from dev.chaos.signals import Signals, fault_stays
from local_platform.airflow_services import scheduler_warm_up

GLUE_SECONDS = 600
ACTIVE_RUNS = 6
"""More runs would not be faster: they would wait for Spark until ``curate_prices`` times out."""

_ = scheduler_warm_up
guards.install()
if scheduler_warm_up.is_scheduler():
    # The provider reads the source of every frame on the stack, only to put the caller into the User-Agent header.
    AwsGenericHook._get_caller = lambda *_: "Unknown"  # type: ignore[method-assign]


class ChaosRetryPolicy(TaskRetryPolicy):
    """Stops the retries of a run after its permanent fault has fired, because a retry would hit it again.

    Until then the usual policy decides. On a busy machine a task can fail for another reason. A run without retries
    would then never reach its fault.
    """

    def evaluate(self, exception: BaseException, try_number: int, max_tries: int, context: Any = None) -> RetryDecision:
        """Decide whether a failed try is retried."""
        run = (context or {}).get("dag_run")
        if run is not None and fault_stays(run, Signals.from_environment()):
            return RetryDecision.fail("the fault is permanent")
        return super().evaluate(exception, try_number, max_tries, context)


def task_policy(task: Any) -> None:
    """Shorten the delays and timeouts of a task."""
    if task.dag_id in ("crypto_prices_backfill", "crypto_prices_audit"):
        return  # they wait for other runs
    changes = {
        "retry_delay": timedelta(seconds=1),
        "retry_exponential_backoff": 0.0,
        "retry_policy": ChaosRetryPolicy(),
        "execution_timeout": timedelta(seconds=GLUE_SECONDS if task.task_id == "curate_prices" else TASK_SECONDS),
    }
    partial = getattr(task, "partial_kwargs", None)
    for name, value in changes.items():
        if partial is None:
            setattr(task, name, value)
        else:
            partial[name] = value


def dag_policy(dag: Any) -> None:
    """Allow as many concurrent runs as the harness starts."""
    dag.max_active_runs = ACTIVE_RUNS
