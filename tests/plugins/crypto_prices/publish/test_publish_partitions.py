import functools
import json

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, TaskDeferred
from botocore.exceptions import ClientError, ReadTimeoutError
from crypto_prices.aws.catalog import Catalog, CatalogError, CatalogFailureError
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
    """Return a function that writes a load's row of crypto.etl_metadata."""

    def write(run="jr_1", number=1, markets="BTC/USDT", days=("2023-12-18", "2023-12-20")):
        values = (
            *(f"batch-{run}", "binance", "1h", *days, "h", "m", run, "c", "d", "r", "loaded"),
            *(48, 0, 0, 48, 48, 48, 48, "2023-12-21", "2023-12-21", number, markets, 0, 48),
        )
        warehouse.execute_batch(insert_load(values))

    return write


@pytest.fixture
def publish(warehouse, catalog, lake, make_task, make_context):
    """Return a function that runs the task with the run's own report and returns its result."""

    state = {}

    def run(before=lambda task: None, **changes):
        context = make_context(plan_load=THIS.as_xcom(), read_curation_report=report(THIS, **changes))
        context["task_state_store"] = state.setdefault("of this task", context["task_state_store"])
        task = make_task("publish_partitions", context)
        before(task)
        try:
            return task.execute(context)
        except TaskDeferred as deferred:
            state["resume"] = functools.partial(getattr(task, deferred.method_name), context, event=None)
            raise

    run.resume = lambda: state["resume"]()

    return run


def shown(catalog):
    return Catalog(catalog.glue, catalog.database, catalog.table).published_days(WINDOW)


class Stubbed:
    """A call to the catalog that has an error."""

    def __init__(self, code, status):
        self.error = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}

    def __call__(self, **_arguments):
        raise ClientError(self.error, "BatchCreatePartition")


def partition_of(catalog, day):
    return catalog.glue.get_partition(
        DatabaseName=catalog.database, TableName=catalog.table, PartitionValues=day.split("-")
    )["Partition"]


def test_the_loaded_version_replaces_the_previous_one(publish, loaded, catalog):
    loaded()
    catalog.publish("2023-12-18", "jr_0")
    assert publish() == {"2023-12-18": "jr_1", "2023-12-19": "jr_1"} == shown(catalog)
    found = partition_of(catalog, "2023-12-18")
    assert found["StorageDescriptor"]["Location"] == day_version("2023-12-18")["location"]
    assert found["Parameters"]["markets"] == "binance/1h/BTC/USDT@jr_1"


def test_a_version_that_the_warehouse_has_not_loaded_is_not_published(publish, loaded, catalog):
    loaded("jr_0")
    catalog.publish("2023-12-18", "jr_0")
    with pytest.raises(AirflowFailException, match=r"no load of Glue run jr_1.*clear merge_into_fact"):
        publish()
    assert shown(catalog) == {"2023-12-18": "jr_0"}


def test_a_day_without_rows_loses_its_partition_with_a_warning(publish, loaded, catalog, task_log):
    loaded()
    catalog.publish("2023-12-19", "jr_0")
    assert publish(days={"2023-12-18": day_version("2023-12-18")}) == {"2023-12-18": "jr_1"} == shown(catalog)
    assert "Removed the partitions of days that no longer have rows: 2023-12-19" in task_log.text


def test_a_day_loaded_later_by_another_run_shows_that_runs_version(publish, loaded, lake, catalog):
    loaded()
    loaded("jr_2", 2, days=("2023-12-19", "2023-12-20"))
    lake(report(THIS, "jr_2", days={"2023-12-19": day_version("2023-12-19", "jr_2")}))
    assert publish() == {"2023-12-18": "jr_1", "2023-12-19": "jr_2"} == shown(catalog)


def test_a_merge_of_another_run_during_publication_is_not_undone(publish, loaded, lake, catalog):
    loaded()
    lake(report(THIS, "jr_2", days={"2023-12-19": day_version("2023-12-19", "jr_2")}))

    def let_another_run_merge(task):
        query, times = task.warehouse.query, []

        def asked(sql):
            times.append(sql)
            if len(times) == 2:
                loaded("jr_2", 2, days=("2023-12-19", "2023-12-20"))
            return query(sql)

        task.warehouse.query = asked

    assert publish(let_another_run_merge) == {"2023-12-18": "jr_1", "2023-12-19": "jr_2"} == shown(catalog)


def abandon(call, late):
    """Return a change of a task: the SDK stops waiting for a call, which takes effect when ``late`` is called."""

    def change(task):
        writer = task.catalog._writer
        send = getattr(writer, call)

        def sent(**arguments):
            late.append(lambda: send(**arguments))
            raise ReadTimeoutError(endpoint_url="glue")

        setattr(writer, call, sent)

    return change


@pytest.mark.parametrize("abandoned", ["batch_create_partition", "batch_update_partition"])
def test_an_abandoned_call_that_takes_effect_late_does_not_undo_a_newer_load(publish, loaded, lake, catalog, abandoned):
    """The SDK stops waiting for a call, another run loads the day, and then the call takes effect."""
    loaded()
    late = []
    if abandoned == "batch_update_partition":
        catalog.publish("2023-12-18", "jr_0")
        catalog.publish("2023-12-19", "jr_0")
    with pytest.raises(ReadTimeoutError):
        publish(abandon(abandoned, late))
    loaded("jr_2", 2)
    lake(report(THIS, "jr_2", days={day: day_version(day, "jr_2") for day in ("2023-12-18", "2023-12-19")}))
    with pytest.raises(TaskDeferred):
        publish()
    assert set(shown(catalog).values()) == {"jr_2"}
    (take_effect,) = late
    take_effect()
    assert publish.resume() == {"2023-12-18": "jr_2", "2023-12-19": "jr_2"} == shown(catalog)
    assert publish() == shown(catalog)  # this try has nothing to wait for


def test_a_stale_version_is_refused_only_after_an_abandoned_call_can_undo_nothing(publish, loaded, lake, catalog):
    """Airflow does not retry a stale version, so no later try would publish again."""
    days = ("2023-12-18", "2023-12-19")
    loaded("jr_0", 0, markets="BTC/USDT,ETH/USDT")
    loaded()
    lake(report(THIS, "jr_0", days={day: day_version(day, "jr_0", ETH="jr_0") for day in days}))
    late = []
    with pytest.raises(ReadTimeoutError):
        publish(abandon("batch_create_partition", late))
    with pytest.raises(TaskDeferred):
        publish()
    for day in days:  # as if the abandoned call had the version of an older load
        catalog.glue.delete_partition(
            DatabaseName=catalog.database, TableName=catalog.table, PartitionValues=day.split("-")
        )
        catalog.publish(day, "jr_gone")
    with pytest.raises(AirflowFailException, match="Clear curate_prices"):
        publish.resume()
    assert shown(catalog) == dict.fromkeys(days, "jr_0")
    with pytest.raises(AirflowFailException, match="Clear curate_prices"):
        publish()  # this try has nothing to wait for


def test_the_sdk_does_not_repeat_a_call_without_a_response(publish, loaded):
    loaded()
    sent = []

    def lose(task):
        def send(request, **_):
            sent.append(request)
            raise ReadTimeoutError(endpoint_url=request.url)

        task.catalog._writer.meta.events.register("before-send.glue.BatchCreatePartition", send)

    with pytest.raises(ReadTimeoutError):
        publish(lose)
    assert len(sent) == 1


def test_a_refused_call_is_tried_again_at_once(publish, loaded, catalog):
    loaded()

    def refuse(task):
        task.catalog._writer.batch_create_partition = Stubbed("AccessDeniedException", 400)

    with pytest.raises(CatalogError, match="AccessDeniedException"):
        publish(refuse)
    assert publish() == {"2023-12-18": "jr_1", "2023-12-19": "jr_1"} == shown(catalog)


@pytest.mark.parametrize(
    ("code", "status"), [("InternalServiceException", 500), ("OperationTimeoutException", 400), ("Unknown", 503)]
)
def test_a_failure_of_the_catalog_counts_as_no_response(publish, loaded, code, status):
    loaded()

    def fail(task):
        task.catalog._writer.batch_create_partition = Stubbed(code, status)

    with pytest.raises(ClientError, match=code):
        publish(fail)
    with pytest.raises(TaskDeferred):
        publish()


def test_a_failure_at_one_partition_counts_as_no_response(publish, loaded):
    loaded()

    def fail(task):
        detail = {"ErrorCode": "OperationTimeoutException", "ErrorMessage": "later"}
        answer = {"Errors": [{"PartitionValues": ["2023", "12", "18"], "ErrorDetail": detail}]}
        task.catalog._writer.batch_create_partition = lambda **_: answer

    with pytest.raises(CatalogFailureError, match="2023-12-18"):
        publish(fail)
    with pytest.raises(TaskDeferred):
        publish()


def test_a_version_without_another_runs_markets_is_refused(publish, loaded, lake, catalog):
    """The previous version is shown instead, even if its run never published it. A rerun of curation includes it."""
    loaded("jr_0", 0, markets="BTC/USDT,ETH/USDT")
    loaded()
    lake(report(THIS, "jr_0", days={day: day_version(day, "jr_0", ETH="jr_0") for day in ("2023-12-18", "2023-12-19")}))
    with pytest.raises(AirflowFailException) as refusal:
        publish()
    assert "has since loaded binance/1h/ETH/USDT (by Glue run jr_0)" in str(refusal.value)
    assert "previous versions of the days 2023-12-18, 2023-12-19" in str(refusal.value)
    assert "Clear curate_prices" in str(refusal.value)
    assert shown(catalog) == {"2023-12-18": "jr_0", "2023-12-19": "jr_0"}
    carried = {day: day_version(day, "jr_1", ETH="jr_0") for day in ("2023-12-18", "2023-12-19")}
    assert publish(days=carried) == {"2023-12-18": "jr_1", "2023-12-19": "jr_1"}


def test_a_missing_report_of_the_newest_load_does_not_bring_back_an_older_version(publish, loaded, catalog):
    loaded()
    loaded("jr_2", 2)
    catalog.publish("2023-12-18", "jr_2")
    assert publish() == {"2023-12-18": "jr_2", "2023-12-19": "jr_1"} == shown(catalog)


def test_publication_gives_up_when_other_runs_keep_loading(publish, loaded):
    loaded()

    def let_others_go_on(task):
        query, numbers = task.warehouse.query, iter(range(2, 100))

        def asked(sql):
            rows = query(sql)
            return [*rows, rows[0] | {"glue_job_run_id": "jr_x", "load_number": next(numbers)}]

        task.warehouse.query = asked

    with pytest.raises(RuntimeError, match="other runs keep loading days"):
        publish(let_others_go_on)
