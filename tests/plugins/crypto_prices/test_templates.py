import json
from collections import Counter
from dataclasses import asdict

import pytest
from airflow.sdk import Variable
from crypto_prices.aws.redshift_secret import use_redshift_secret
from crypto_prices.sql_literals import sql_literal
from crypto_prices.templates import MACROS
from jinja2 import Environment

from tests.support.settings_document import changed
from tests.support.tasks import TaskInstance, batch, fetched, report


class CountedTaskInstance(TaskInstance):
    """A task instance that counts the pulls of each result."""

    def xcom_pull(self, task_ids, map_indexes=None, key="return_value"):
        self.pulls = getattr(self, "pulls", Counter())
        self.pulls[task_ids] += 1
        return super().xcom_pull(task_ids, map_indexes, key)


@pytest.fixture
def render():
    environment = Environment()
    environment.globals |= MACROS
    environment.filters["literal"] = sql_literal
    return lambda text, ti: environment.from_string(text).render(ti=ti)


def task_instance(job_run_id="jr_1"):
    return CountedTaskInstance({"plan_load": batch().as_xcom(), "read_curation_report": report(batch(), job_run_id)})


def test_a_try_pulls_each_result_once_for_all_templates(render):
    ti = task_instance()
    for _ in range(5):
        assert render("{{ report(ti).job_run_id }} {{ batch(ti).window_start }}", ti) == "jr_1 2023-12-18"
    assert ti.pulls == {"read_curation_report": 1, "plan_load": 1}


def test_the_merge_reads_each_result_and_the_settings_once(make_task, make_context, use_settings, monkeypatch):
    use_settings(json.loads(changed()))
    plan, fetch = batch(fetched(), fetched("coinbase")), [fetched(), fetched("coinbase")]
    results = make_context(
        sources=("binance", "coinbase"),
        fetch_prices=[asdict(source) for source in fetch],
        plan_load=plan.as_xcom(),
        read_curation_report=report(plan),
    )
    ti = CountedTaskInstance(results["ti"].results)
    reads, read = [], Variable.get
    monkeypatch.setattr(Variable, "get", lambda *args, **options: reads.append(args) or read(*args, **options))
    merge = make_task("merge_into_fact", results | {"ti": ti})
    assert len(merge.sql) > 15
    assert all("{{" not in statement for statement in merge.sql)
    assert set(ti.pulls.values()) == {1}
    use_redshift_secret({"task": merge, "ti": ti})
    assert merge.secret_arn.startswith("arn:aws:secretsmanager:")
    assert len(reads) == 1


def test_the_next_try_sees_new_results(render):
    assert render("{{ report(ti).job_run_id }}", task_instance("jr_1")) == "jr_1"
    assert render("{{ report(ti).job_run_id }}", task_instance("jr_2")) == "jr_2"


def test_settings_are_read_once_per_try_and_again_by_the_next(render, monkeypatch):
    def use(bucket):
        monkeypatch.setenv("AIRFLOW_VAR_CRYPTO_PRICES_SETTINGS", json.dumps(changed_document(bucket)))

    def changed_document(bucket):
        return json.loads(changed(s3_bucket=bucket))

    use("first-lake")
    first = task_instance()
    assert render("{{ settings().s3_bucket }}", first) == "first-lake"
    use("second-lake")
    assert render("{{ settings().s3_bucket }}", first) == "first-lake"
    assert render("{{ settings().s3_bucket }}", task_instance()) == "second-lake"
