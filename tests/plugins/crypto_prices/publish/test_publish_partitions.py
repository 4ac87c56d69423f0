import json

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from crypto_prices.aws.catalog import Catalog
from crypto_prices_contract import s3_keys

from tests.support.tasks import WINDOW, batch, day_version, insert_load, report

THIS = batch()


@pytest.fixture
def lake(aws):
    """A bucket for the reports of other runs."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="publish-partitions-lake")
    aws.change(s3_bucket="publish-partitions-lake")

    def write(document):
        key = s3_keys.curation_report_key(document["job_run_id"])
        s3.put_object(Bucket="publish-partitions-lake", Key=key, Body=json.dumps(document).encode())

    yield write
    for item in s3.list_objects_v2(Bucket="publish-partitions-lake").get("Contents", []):
        s3.delete_object(Bucket="publish-partitions-lake", Key=item["Key"])
    s3.delete_bucket(Bucket="publish-partitions-lake")


@pytest.fixture
def loaded(warehouse):
    """Give a function that writes a load's row of crypto.etl_metadata."""

    def write(run="jr_1", number=1, markets="BTC/USDT", days=("2023-12-18", "2023-12-20")):
        values = (
            *(f"batch-{run}", "binance", "1h", *days, "h", "m", run, "c", "d", "r", "loaded"),
            *(48, 0, 0, 48, 48, 48, 48, "2023-12-21", "2023-12-21", number, markets, 0, 48),
        )
        warehouse.execute_batch([insert_load(values)])

    return write


@pytest.fixture
def publish(warehouse, catalog, lake, make_task, make_context):
    """Give a function that runs the task with the run's own report, and returns its result."""

    def run(before=lambda task: None, **changes):
        context = make_context(plan_load=THIS.as_xcom(), read_curation_report=report(THIS, **changes))
        task = make_task("publish_partitions", context)
        before(task)
        return task.execute(context)

    return run


def shown(catalog):
    return Catalog(catalog.glue, catalog.database, catalog.table).published_days(WINDOW)


def partition_of(catalog, day):
    return catalog.glue.get_partition(
        DatabaseName=catalog.database, TableName=catalog.table, PartitionValues=day.split("-")
    )["Partition"]


def test_the_loaded_version_is_shown_and_what_was_shown_before_is_not(publish, loaded, catalog):
    loaded()
    catalog.publish("2023-12-18", "jr_0")
    assert publish() == {"2023-12-18": "jr_1", "2023-12-19": "jr_1"} == shown(catalog)
    found = partition_of(catalog, "2023-12-18")
    assert found["StorageDescriptor"]["Location"] == day_version("2023-12-18")["location"]
    assert found["Parameters"]["markets"] == "binance/1h/BTC/USDT@jr_1"


def test_what_the_warehouse_has_not_loaded_is_not_published(publish, loaded, catalog):
    loaded("jr_0")
    catalog.publish("2023-12-18", "jr_0")
    with pytest.raises(AirflowFailException, match=r"no load of Glue run jr_1.*clear merge_into_fact"):
        publish()
    assert shown(catalog) == {"2023-12-18": "jr_0"}


def test_a_day_without_rows_loses_its_partition_and_the_log_says_so(publish, loaded, catalog, task_log):
    loaded()
    catalog.publish("2023-12-19", "jr_0")
    assert publish(days={"2023-12-18": day_version("2023-12-18")}) == {"2023-12-18": "jr_1"} == shown(catalog)
    assert "Took away the partitions of days that have no rows any more: 2023-12-19" in task_log.text


def test_a_day_that_was_loaded_later_by_another_run_is_shown_as_that_run_left_it(publish, loaded, lake, catalog):
    loaded()
    loaded("jr_2", 2, days=("2023-12-19", "2023-12-20"))
    lake(report(THIS, "jr_2", days={"2023-12-19": day_version("2023-12-19", "jr_2")}))
    assert publish() == {"2023-12-18": "jr_1", "2023-12-19": "jr_2"} == shown(catalog)


def test_a_run_that_merges_while_this_one_publishes_is_not_undone(publish, loaded, lake, catalog):
    loaded()
    lake(report(THIS, "jr_2", days={"2023-12-19": day_version("2023-12-19", "jr_2")}))

    def let_another_merge_meanwhile(task):
        query, times = task.warehouse.query, []

        def asked(sql):
            times.append(sql)
            if len(times) == 2:
                loaded("jr_2", 2, days=("2023-12-19", "2023-12-20"))
            return query(sql)

        task.warehouse.query = asked

    assert publish(let_another_merge_meanwhile) == {"2023-12-18": "jr_1", "2023-12-19": "jr_2"} == shown(catalog)


def test_a_version_that_lacks_another_runs_markets_is_refused(publish, loaded, lake, catalog):
    """The one before it is shown instead, also when that run never came to publish it: curated again, it is seen."""
    loaded("jr_0", 0, markets="BTC/USDT,ETH/USDT")
    loaded()
    lake(report(THIS, "jr_0", days={day: day_version(day, "jr_0", ETH="jr_0") for day in ("2023-12-18", "2023-12-19")}))
    with pytest.raises(AirflowFailException) as refusal:
        publish()
    assert "loaded meanwhile of binance/1h/ETH/USDT (by Glue run jr_0)" in str(refusal.value)
    assert "the days 2023-12-18, 2023-12-19 are published as they were loaded before" in str(refusal.value)
    assert "Clear curate_prices" in str(refusal.value)
    assert shown(catalog) == {"2023-12-18": "jr_0", "2023-12-19": "jr_0"}
    carried = {day: day_version(day, "jr_1", ETH="jr_0") for day in ("2023-12-18", "2023-12-19")}
    assert publish(days=carried) == {"2023-12-18": "jr_1", "2023-12-19": "jr_1"}


def test_readers_are_not_sent_back_when_the_report_of_the_newest_load_is_gone(publish, loaded, catalog):
    loaded()
    loaded("jr_2", 2)
    catalog.publish("2023-12-18", "jr_2")
    assert publish() == {"2023-12-18": "jr_2", "2023-12-19": "jr_1"} == shown(catalog)


def test_runs_that_never_stop_loading_are_not_followed_for_ever(publish, loaded):
    loaded()

    def let_others_go_on(task):
        query, numbers = task.warehouse.query, iter(range(2, 100))

        def asked(sql):
            rows = query(sql)
            return [*rows, rows[0] | {"glue_job_run_id": "jr_x", "load_number": next(numbers)}]

        task.warehouse.query = asked

    with pytest.raises(RuntimeError, match="other runs keep loading days"):
        publish(let_others_go_on)
