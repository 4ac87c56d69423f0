"""Airflow's ``airflow_local_settings.py`` under the harness: short pauses and time limits, and the guards' switches."""

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

GLUE_SECONDS = 300
ACTIVE_RUNS = 10

_ = scheduler_warm_up
guards.install()
if scheduler_warm_up.is_scheduler():
    # Who asked for a client only goes into its User-Agent; to find out, the source of the whole stack is read.
    AwsGenericHook._get_caller = lambda *_: "Unknown"  # type: ignore[method-assign]


class ChaosRetryPolicy(TaskRetryPolicy):
    """Retries nothing in a run whose fault stays, once the fault has fired: a retry would only meet it again.

    Before that the usual policy decides. On a busy machine a task can fail for another reason, and a run that gave up
    then would never reach its fault.
    """

    def evaluate(self, exception: BaseException, try_number: int, max_tries: int, context: Any = None) -> RetryDecision:
        """Return what becomes of a failed try."""
        run = (context or {}).get("dag_run")
        if run is not None and fault_stays(run, Signals.from_environment()):
            return RetryDecision.fail("the fault stays")
        return super().evaluate(exception, try_number, max_tries, context)


def task_policy(task: Any) -> None:
    """Shorten what a person would not wait for."""
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
    """Let as many loads go on at once as the harness starts."""
    dag.max_active_runs = ACTIVE_RUNS
