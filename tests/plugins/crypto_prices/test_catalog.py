import pytest
from crypto_prices.catalog import published_versions
from crypto_prices.window import Window

TABLE = "published_versions"


@pytest.fixture(scope="module")
def catalog(local_aws):
    """A table of the catalog with a partition of each day of December 2023."""
    glue = local_aws.client("glue")
    keys = [{"Name": name, "Type": "string"} for name in ("year", "month", "day")]
    glue.create_table(DatabaseName="crypto", TableInput={"Name": TABLE, "PartitionKeys": keys})
    partitions = [
        {
            "Values": ["2023", "12", f"{day:02d}"],
            "StorageDescriptor": {"Location": f"s3://lake/{day}"},
            "Parameters": {"job_run_id": f"jr_{day}"},
        }
        for day in range(1, 32)
    ]
    del partitions[19]["Parameters"]
    glue.batch_create_partition(DatabaseName="crypto", TableName=TABLE, PartitionInputList=partitions)
    yield glue
    glue.delete_table(DatabaseName="crypto", Name=TABLE)


def versions(catalog, start, end):
    return published_versions(catalog, "crypto", TABLE, Window.parse(start, end))


def test_the_days_of_the_window_and_no_others(catalog):
    assert versions(catalog, "2023-12-18", "2023-12-20") == {"2023-12-18": "jr_18", "2023-12-19": "jr_19"}


def test_a_day_without_a_partition_is_not_there(catalog):
    assert versions(catalog, "2023-11-30", "2023-12-02") == {"2023-12-01": "jr_1"}
    assert versions(catalog, "2024-12-18", "2024-12-19") == {}


def test_a_partition_that_no_run_published_has_an_empty_id(catalog):
    assert versions(catalog, "2023-12-20", "2023-12-21") == {"2023-12-20": ""}


def test_every_page_is_read():
    class TwoPages:
        """A Glue client whose paginator has two pages; it also says what it was asked for."""

        def get_paginator(self, name):
            assert name == "get_partitions"
            return self

        def paginate(self, **asked):
            assert asked["Expression"] == "(year = '2023' AND month = '12' AND day >= '18' AND day <= '19')"
            for day in ("18", "19"):
                yield {"Partitions": [{"Values": ["2023", "12", day], "Parameters": {"job_run_id": f"jr_{day}"}}]}

    assert versions(TwoPages(), "2023-12-18", "2023-12-20") == {"2023-12-18": "jr_18", "2023-12-19": "jr_19"}
