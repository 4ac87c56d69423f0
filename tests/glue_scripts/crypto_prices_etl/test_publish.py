"""Publishing to a catalog: what one call takes, what is there already, and what is there no more."""

from __future__ import annotations

import datetime as dt
import uuid
from types import SimpleNamespace
from typing import ClassVar

import pytest
from crypto_prices_etl.arguments import CurationArguments
from crypto_prices_etl.carry_over import CarriedOver
from crypto_prices_etl.errors import CurationError
from crypto_prices_etl.lake_files import DataFile, RunPaths, list_curated_files
from crypto_prices_etl.publish import audit, copy_manifest, publish_partitions

START = dt.date(2024, 1, 1)
ASKED = frozenset({"binance/1h/BTC/USDT"})


@pytest.fixture
def aws(lake):
    """A catalog and a bucket of this test's own."""
    name = f"publish-{uuid.uuid4()}"
    lake.s3.create_bucket(Bucket=name)
    lake.glue.create_database(DatabaseInput={"Name": name})
    keys = [{"Name": n, "Type": "string"} for n in ("year", "month", "day")]
    descriptor = {"Columns": [{"Name": "source", "Type": "string"}], "Location": "s3://lake/curated/"}
    lake.glue.create_table(
        DatabaseName=name,
        TableInput={"Name": "crypto_prices", "PartitionKeys": keys, "StorageDescriptor": descriptor},
    )
    return SimpleNamespace(s3=lake.s3, glue=Limited(lake.glue), name=name)


def run(job_run_id, days, name="lake"):
    arguments = CurationArguments.from_options(
        {
            "JOB_RUN_ID": job_run_id,
            "raw_manifests": "s3://b/m.json",
            "window_start": START.isoformat(),
            "window_end": (START + dt.timedelta(days=days)).isoformat(),
            "batch_id": "b",
            "catalog_database": name,
            "catalog_table": "crypto_prices",
            "lake_bucket": name,
            "max_rejected_share": "0",
        }
    )
    return arguments, RunPaths(name, job_run_id)


def locations(aws):
    pages = aws.glue.get_paginator("get_partitions").paginate(DatabaseName=aws.name, TableName="crypto_prices")
    return {tuple(p["Values"]): p["StorageDescriptor"]["Location"] for page in pages for p in page["Partitions"]}


class Limited:
    """A Glue client that refuses, as Glue does and moto does not, more partitions than one call takes."""

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


def test_more_days_than_one_call_takes_are_created_then_switched(aws):
    days = [START + dt.timedelta(days=n) for n in range(230)]
    for version in ("jr_1", "jr_2"):
        publish_partitions(aws.glue, *run(version, 230, aws.name), dict.fromkeys(days, 24), CarriedOver(), ASKED)
        found = locations(aws)
        assert len(found) == 230
        assert all(f"/version={version}/" in location for location in found.values())
    assert found["2024", "01", "05"] == f"s3://{aws.name}/curated/crypto_prices/version=jr_2/year=2024/month=01/day=05/"


def test_days_without_rows_lose_their_partition_and_days_outside_the_window_keep_theirs(aws):
    days = [START + dt.timedelta(days=n) for n in range(60)]
    publish_partitions(aws.glue, *run("jr_1", 60, aws.name), dict.fromkeys(days, 24), CarriedOver(), ASKED)
    publish_partitions(aws.glue, *run("jr_2", 40, aws.name), {days[3]: 24}, CarriedOver(), ASKED)
    found = locations(aws)
    assert len(found) == 21
    assert ("2024", "01", "04") in found
    # And again: there is nothing left to remove, and nothing to complain about.
    publish_partitions(aws.glue, *run("jr_3", 40, aws.name), {}, CarriedOver(), ASKED)
    assert len(locations(aws)) == 20


def test_a_refusal_of_the_catalog_fails_the_run(aws):
    class Refusing:
        def __getattr__(self, name):
            return getattr(aws.glue, name)

        def batch_create_partition(self, **_):
            detail = {"ErrorCode": "InternalServiceException", "ErrorMessage": "later"}
            return {"Errors": [{"PartitionValues": ["2024", "01", "01"], "ErrorDetail": detail}]}

    with pytest.raises(CurationError, match=r"refused the partition 2024-01-01.*InternalServiceException"):
        publish_partitions(Refusing(), *run("jr_1", 1, aws.name), {START: 24}, CarriedOver(), ASKED)


def test_the_copy_manifest_is_ordered_and_every_file_mandatory():
    manifest = copy_manifest([DataFile("s3://lake/b", 2), DataFile("s3://lake/a", 1)])
    assert manifest == {
        "entries": [
            {"url": "s3://lake/a", "mandatory": True, "meta": {"content_length": 1}},
            {"url": "s3://lake/b", "mandatory": True, "meta": {"content_length": 2}},
        ]
    }


@pytest.mark.parametrize(
    ("rows", "files"),
    [(24, []), (0, [DataFile("s3://lake/a", 1)]), (24, [DataFile("s3://lake/a", 0)])],
)
def test_the_audit_compares_rows_with_what_s3_holds(rows, files):
    with pytest.raises(CurationError, match=f"{rows} rows were written for 2024-01-01"):
        audit({START: rows} if rows else {}, {START: files})


def test_the_audit_passes_days_with_files_and_days_without_rows():
    audit({START: 24}, {START: [DataFile("s3://lake/a", 1)], START + dt.timedelta(days=1): []})


def test_files_are_listed_by_day_and_strangers_are_refused(aws):
    arguments, paths = run("jr_1", 2, aws.name)
    for name in ("_SUCCESS", "year=2024/", "year=2024/month=01/day=01/part-0.parquet"):
        aws.s3.put_object(Bucket=aws.name, Key=paths.curated_prefix + name, Body=b"x")
    days = arguments.window.days()
    files = list_curated_files(aws.s3, paths, days)
    assert files == {days[0]: [DataFile(f"s3://{aws.name}/{paths.day_prefix(days[0])}part-0.parquet", 1)], days[1]: []}
    aws.s3.put_object(Bucket=aws.name, Key=paths.curated_prefix + "year=2025/month=01/day=01/part-0.parquet", Body=b"x")
    with pytest.raises(CurationError, match=r"unexpected object .*year=2025"):
        list_curated_files(aws.s3, paths, days)
