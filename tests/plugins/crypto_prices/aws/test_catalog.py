from datetime import date, timedelta
from typing import ClassVar

import pytest
from crypto_prices.aws.catalog import (
    Catalog,
    CatalogError,
    CatalogFailureError,
    Publication,
    partition_expression,
)
from crypto_prices_contract.window import Window, WindowError

TABLE = "catalog_of_versions"
START = date(2023, 12, 1)


class Limited:
    """A Glue client that rejects calls with too many partitions. Glue does so, moto does not."""

    LISTS: ClassVar = {
        "batch_create_partition": ("PartitionInputList", 100),
        "batch_update_partition": ("Entries", 100),
        "batch_delete_partition": ("PartitionsToDelete", 25),
    }

    def __init__(self, glue):
        self._glue = glue

    def __getattr__(self, name):
        call = getattr(self._glue, name)
        if name not in self.LISTS:
            return call
        members, limit = self.LISTS[name]

        def checked(**params):
            assert 0 < len(params[members]) <= limit
            return call(**params)

        return checked


@pytest.fixture
def glue(local_aws):
    """A catalog table without partitions."""
    glue = local_aws.client("glue")
    keys = [{"Name": name, "Type": "string"} for name in ("year", "month", "day")]
    descriptor = {"Columns": [{"Name": "source", "Type": "string"}], "InputFormat": "parquet"}
    table = {"Name": TABLE, "PartitionKeys": keys, "StorageDescriptor": descriptor}
    glue.create_table(DatabaseName="crypto", TableInput=table)
    yield Limited(glue)
    glue.delete_table(DatabaseName="crypto", Name=TABLE)


@pytest.fixture
def catalog(glue):
    return Catalog(glue, "crypto", TABLE, write_client=glue)


def version(day, job_run_id="jr_1"):
    return Publication(f"s3://lake/{job_run_id}/{day}/", job_run_id, "b1-1", 24, {"binance/1h/BTC/USDT": job_run_id})


def versions(days, job_run_id="jr_1"):
    return {START + timedelta(days=n): version(START + timedelta(days=n), job_run_id) for n in range(days)}


def shown(catalog, start="2023-12-01", end="2025-01-01"):
    return catalog.published_days(Window.parse(start, end))


def test_a_day_is_shown_as_it_was_published(catalog, glue):
    catalog.publish(versions(1))
    assert catalog.published_days(Window.of_day(START)) == {"2023-12-01": "jr_1"}
    partition = glue.get_partition(DatabaseName="crypto", TableName=TABLE, PartitionValues=["2023", "12", "01"])
    assert partition["Partition"]["StorageDescriptor"]["InputFormat"] == "parquet"
    assert partition["Partition"]["StorageDescriptor"]["Location"] == "s3://lake/jr_1/2023-12-01/"
    assert partition["Partition"]["Parameters"] == {
        "rows": "24", "batch_id": "b1-1", "job_run_id": "jr_1", "markets": "binance/1h/BTC/USDT@jr_1",
    }  # fmt: skip


def test_the_days_of_the_window_and_no_others(catalog):
    catalog.publish(versions(31))
    assert list(shown(catalog, "2023-12-18", "2023-12-20")) == ["2023-12-18", "2023-12-19"]
    assert list(shown(catalog, "2023-11-30", "2023-12-02")) == ["2023-12-01"]
    assert shown(catalog, "2024-12-18", "2024-12-19") == {}


def test_a_partition_without_parameters_has_no_run(catalog, glue):
    partition = {"Values": ["2023", "12", "01"], "StorageDescriptor": {"Location": "s3://lake/x"}}
    glue.create_partition(DatabaseName="crypto", TableName=TABLE, PartitionInput=partition)
    assert catalog.published_days(Window.of_day(START)) == {"2023-12-01": ""}


def test_more_days_than_fit_into_one_call_are_created_then_switched(catalog):
    for run in ("jr_1", "jr_2"):
        catalog.publish(versions(230, run))
        found = shown(catalog)
        assert len(found) == 230
        assert set(found.values()) == {run}


def test_days_without_rows_lose_their_partition_and_the_others_keep_theirs(catalog):
    catalog.publish(versions(60))
    gone = dict.fromkeys(list(versions(60))[3:43])
    assert len(catalog.publish(gone | versions(1, "jr_2"))) == 40
    assert len(shown(catalog)) == 20
    assert shown(catalog, "2023-12-01", "2023-12-03") == {"2023-12-01": "jr_2", "2023-12-02": "jr_1"}
    # The second call has nothing to remove and does not fail.
    assert catalog.publish(gone) == []
    assert len(shown(catalog)) == 20


def answering(glue, *codes):
    """Return a Glue client whose batch_create_partition has an error with each code, the n-th one for day n."""

    class Answering:
        def __getattr__(self, name):
            return getattr(glue, name)

        def batch_create_partition(self, **_):
            return {
                "Errors": [
                    {
                        "PartitionValues": ["2023", "12", f"{number:02d}"],
                        "ErrorDetail": {"ErrorCode": code, "ErrorMessage": "later"},
                    }
                    for number, code in enumerate(codes, start=1)
                ]
            }

    return Answering()


def test_the_error_of_a_rejected_partition_names_the_day(glue):
    client = answering(glue, "GlueEncryptionException")
    with pytest.raises(CatalogError, match=r"rejected the partition 2023-12-01.*GlueEncryptionException"):
        Catalog(glue, "crypto", TABLE, write_client=client).publish(versions(1))


@pytest.mark.parametrize("code", ["InternalServiceException", "OperationTimeoutException"])
def test_a_partition_at_which_the_catalog_failed_may_still_change(glue, code):
    """A rejected partition in the same response does not hide that."""
    client = answering(glue, "GlueEncryptionException", code)
    with pytest.raises(CatalogFailureError, match=rf"failed to change the partition 2023-12-02.*{code}"):
        Catalog(glue, "crypto", TABLE, write_client=client).publish(versions(2))


def test_every_page_is_read():
    class TwoPages:
        """A Glue client whose paginator has two pages and records its arguments."""

        def get_paginator(self, name):
            assert name == "get_partitions"
            return self

        def paginate(self, **asked):
            assert asked["Expression"] == "(year = '2023' AND month = '12' AND day >= '18' AND day <= '19')"
            for day in ("18", "19"):
                place = {"Location": f"s3://lake/{day}"}
                yield {"Partitions": [{"Values": ["2023", "12", day], "StorageDescriptor": place}]}

    found = Catalog(TwoPages(), "crypto", TABLE).published_days(Window.parse("2023-12-18", "2023-12-20"))
    assert list(found) == ["2023-12-18", "2023-12-19"]


def test_the_partition_expression_of_a_day_names_that_day():
    assert partition_expression(Window.of_day(date(2023, 12, 8))) == "(year = '2023' AND month = '12' AND day = '08')"


def test_the_partition_expression_of_a_long_window_is_grouped_by_month_and_fits_glues_limit():
    expression = partition_expression(Window.parse("2023-12-30", "2024-02-02"))
    assert expression == (
        "(year = '2023' AND month = '12' AND day >= '30' AND day <= '31')"
        " OR (year = '2024' AND month = '01' AND day >= '01' AND day <= '31')"
        " OR (year = '2024' AND month = '02' AND day = '01')"
    )
    assert len(partition_expression(Window.parse("2023-01-01", "2024-12-31"))) < 2048


def test_a_window_with_too_long_an_expression_is_refused():
    assert len(partition_expression(Window.parse("2020-01-01", "2022-07-01"))) == 2036
    with pytest.raises(WindowError, match=r"\[2020-01-01, 2022-07-03\) is too long: .* 31 months .* 2104 characters"):
        partition_expression(Window.parse("2020-01-01", "2022-07-03"))
