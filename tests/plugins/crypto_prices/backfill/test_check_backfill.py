from types import SimpleNamespace

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from crypto_prices.backfill.check_backfill import CheckBackfillOperator
from crypto_prices.backfill.plan_backfill import LEFT_OUT


def check(left_out):
    """Run the task after a plan that left sources out."""
    results = {("plan_backfill", LEFT_OUT): left_out}
    ti = SimpleNamespace(xcom_pull=lambda *, task_ids, key: results[task_ids, key])
    CheckBackfillOperator(task_id="check_backfill").execute({"ti": ti})


def test_a_plan_with_all_sources_is_fine():
    check(None)


def test_a_source_that_the_plan_lacks_fails_the_run():
    with pytest.raises(AirflowFailException, match=r"^coinbase is left out: timeout\. .* clear this whole run"):
        check("coinbase is left out: timeout")
