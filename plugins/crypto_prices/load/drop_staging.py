"""The decision whether a run's staging table is dropped."""

from __future__ import annotations

from typing import Any

from airflow.providers.common.compat.sdk import AirflowFailException

from crypto_prices.aws.redshift_secret import use_redshift_secret

READERS_OF_STAGING = ("check_staging", "merge_into_fact")
FAILED_STATES = ("failed", "upstream_failed")


def keep_staging_of_a_failed_load(context: Any) -> None:
    """Keep the staging table, by failing the teardown, if a task that reads it failed.

    "Clear only failed tasks" does not clear the setup, because it succeeded. Without the table, the cleared tasks would
    fail again. The failed teardown is cleared with them, and drops the table in the end.

    Raises:
        AirflowFailException: The staging table is kept. The message names the failed tasks.
    """
    use_redshift_secret(context)
    ti = context["ti"]
    states = ti.get_task_states(dag_id=ti.dag_id, task_ids=list(READERS_OF_STAGING), run_ids=[ti.run_id])
    failed = sorted(task for task, state in states.get(ti.run_id, {}).items() if state in FAILED_STATES)
    if failed:
        raise AirflowFailException(
            f"staging is kept, because {', '.join(failed)} did not succeed: clear the failed tasks, including this one"
        )
