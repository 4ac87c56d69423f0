import datetime as dt
import uuid

import pytest
from crypto_prices_etl.errors import CurationError
from crypto_prices_etl.lake_files import DataFile, RunPaths, audit, curated_files, list_curated_files

START = dt.date(2024, 1, 1)


@pytest.mark.parametrize(
    ("rows", "files"),
    [(24, []), (0, [DataFile("s3://lake/a", 1)]), (24, [DataFile("s3://lake/a", 0)])],
)
def test_the_audit_compares_rows_with_the_files_in_s3(rows, files):
    with pytest.raises(CurationError, match=f"{rows} rows were written for 2024-01-01"):
        audit({START: rows} if rows else {}, {START: files})


def test_the_audit_passes_days_with_files_and_days_without_rows():
    audit({START: 24}, {START: [DataFile("s3://lake/a", 1)], START + dt.timedelta(days=1): []})


def test_files_are_listed_by_day_and_unexpected_objects_are_refused(lake):
    bucket, days = f"lake-files-{uuid.uuid4()}", [START, START + dt.timedelta(days=1)]
    paths = RunPaths(bucket, "jr_1")
    lake.s3.create_bucket(Bucket=bucket)
    # With the committer's objects, which a killed try of the run left behind.
    magic = "__magic_job-6b0c2f3e-0d1a-4c55-9f5d-0c8d6a1f7b21/"
    left = f"{magic}job-20240102/tasks/attempt_0/__base/year=2024/month=01/day=01/"
    for name in (
        *("_SUCCESS", "year=2024/", "year=2024/month=01/day=01/part-0.parquet"),
        *(magic, left, f"{left}part-0.parquet.pending", f"{left}part-0.parquet"),
    ):
        lake.s3.put_object(Bucket=bucket, Key=paths.curated_prefix + name, Body=b"x")
    files = list_curated_files(lake.s3, paths, days)
    assert files == {days[0]: [DataFile(f"s3://{bucket}/{paths.day_prefix(days[0])}part-0.parquet", 1)], days[1]: []}
    lake.s3.put_object(Bucket=bucket, Key=paths.curated_prefix + "year=2025/month=01/day=01/part-0.parquet", Body=b"x")
    with pytest.raises(CurationError, match=r"unexpected object .*year=2025"):
        list_curated_files(lake.s3, paths, days)


def test_each_curated_file_has_its_version_and_its_rows_if_its_day_has_no_other(lake):
    bucket, days = f"lake-files-{uuid.uuid4()}", [START + dt.timedelta(days=n) for n in range(3)]
    lake.s3.create_bucket(Bucket=bucket)
    lake.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    lake.s3.put_object(Bucket=bucket, Key="a", Body=b"replaced")
    put = {key: lake.s3.put_object(Bucket=bucket, Key=key, Body=key.encode()) for key in "abc"}
    a, b, c = (DataFile(f"s3://{bucket}/{key}", 1) for key in "abc")
    found = curated_files(lake.s3, {days[1]: [b, c], days[0]: [a], days[2]: []}, {days[0]: 24, days[1]: 48})
    assert [(file.uri, file.version_id, f'"{file.etag}"', file.bytes) for file in found] == [
        (f"s3://{bucket}/{key}", answer["VersionId"], answer["ETag"], 1) for key, answer in put.items()
    ]
    assert [file.rows for file in found] == [24, None, None]
