"""COPY … FORMAT AS PARQUET through the Data API, with moto's S3: valid loads, and each of Redshift's checks."""

from __future__ import annotations

import datetime as dt
import io
import json
import time
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from local_aws.redshift.load import DatabaseUser
from tests.support.data_api import BUCKET, ROLE, Client, Outcome

FIELDS = [
    pa.field("symbol", pa.string()),
    pa.field("observed_at", pa.timestamp("us", tz="UTC")),
    pa.field("price", pa.decimal128(38, 18)),
    pa.field("trades", pa.int64()),
    pa.field("small", pa.int32()),
]
ROWS: list[dict[str, Any]] = [
    {
        "symbol": "BTC",
        "observed_at": dt.datetime(2024, 2, 29, 12, 30, 0, 123456, dt.UTC),
        "price": Decimal("12345678901234567890.123456789012345678"),
        "trades": 2**62,
        "small": -1,
    },
    {"symbol": '', "observed_at": dt.datetime(2024, 1, 1, tzinfo=dt.UTC), "price": None, "trades": None, "small": None},
    {"symbol": 'a,"b\n\\N', "observed_at": dt.datetime(1969, 12, 31, 23, 59, 59, tzinfo=dt.UTC),
     "price": Decimal("-0.5"),
     "trades": 0, "small": 2},
]  # fmt: skip


def parquet(rows: list[dict[str, Any]] = ROWS, fields: list[pa.Field] = FIELDS, **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, pa.schema(fields)), sink, **options)
    return sink.getvalue()


class Loader:
    def __init__(self, client: Client, s3: Any, schema: str) -> None:
        self.client, self.s3, self.schema = client, s3, schema
        client.ok(
            f"CREATE TABLE {schema}.t (symbol VARCHAR(8) NOT NULL, observed_at TIMESTAMP NOT NULL, "
            "price DECIMAL(38,18), trades BIGINT, small INTEGER)"
        )

    def put(self, name: str, body: bytes) -> str:
        self.s3.put_object(Bucket=BUCKET, Key=f"{self.schema}/{name}", Body=body)
        return f"s3://{BUCKET}/{self.schema}/{name}"

    def manifest(self, *entries: dict[str, Any]) -> str:
        return self.put("m.json", json.dumps({"entries": list(entries)}).encode())

    def entry(self, name: str, body: bytes, **changes: Any) -> dict[str, Any]:
        entry = {"url": self.put(name, body), "mandatory": True, "meta": {"content_length": len(body)}}
        return {**entry, **changes}

    def copy(
        self, source: str, options: str = "FORMAT AS PARQUET MANIFEST", role: str = ROLE, columns: str = ""
    ) -> Outcome:
        return self.client.run(f"COPY {self.schema}.t {columns} FROM '{source}' IAM_ROLE '{role}' {options}")

    def rows(self) -> list[list[Any]]:
        return self.client.rows(f"SELECT * FROM {self.schema}.t ORDER BY observed_at DESC")


@pytest.fixture
def loader(client: Client, s3: Any, schema: str) -> Loader:
    return Loader(client, s3, schema)


@pytest.mark.parametrize(
    "options",
    [{}, {"use_deprecated_int96_timestamps": True}, {"coerce_timestamps": "ms", "allow_truncated_timestamps": True}],
)
def test_every_value_is_loaded_exactly(loader: Loader, options: dict[str, Any]) -> None:
    outcome = loader.copy(loader.manifest(loader.entry("a.parquet", parquet(**options))))
    assert (outcome.status, outcome.error, outcome.described["ResultRows"]) == ("FINISHED", None, 3)
    fraction = ".123" if "coerce_timestamps" in options else ".123456"
    assert loader.rows() == [
        ["BTC", f"2024-02-29 12:30:00{fraction}", "12345678901234567890.123456789012345678", 2**62, -1],
        ["", "2024-01-01 00:00:00", None, None, None],
        ['a,"b\n\\N', "1969-12-31 23:59:59", "-0.500000000000000000", 0, 2],
    ]


def test_the_load_is_recorded(loader: Loader) -> None:
    body = parquet()
    source = loader.manifest(loader.entry("a.parquet", body))
    outcome = loader.client.batch(
        f"COPY {loader.schema}.t FROM '{source}' IAM_ROLE '{ROLE}' FORMAT AS PARQUET MANIFEST",
        "SELECT pg_last_copy_count()",
    )
    assert outcome.status == "FINISHED", outcome.error
    assert loader.client.wait(f"{outcome.id}:2").rows == [[3]]
    query_id = outcome.described["SubStatements"][0]["RedshiftQueryId"]
    assert loader.client.rows(
        "SELECT table_name, status, loaded_rows, loaded_bytes, source_file_count, data_source "
        f"FROM sys_load_history WHERE query_id = {query_id}"
    ) == [["t", "completed", 3, len(body), 1, source]]


def test_a_url_listed_twice_loads_twice(loader: Loader) -> None:
    entry = loader.entry("a.parquet", parquet())
    assert loader.copy(loader.manifest(entry, entry)).described["ResultRows"] == 6


def test_without_a_manifest_the_source_is_a_prefix_that_matches_siblings(loader: Loader) -> None:
    loader.put("part-1.parquet", parquet())
    loader.put("part-10.parquet", parquet())
    loader.put("other.parquet", parquet())
    assert loader.copy(f"s3://{BUCKET}/{loader.schema}/part-1", "FORMAT AS PARQUET").described["ResultRows"] == 6


def test_a_list_of_columns_and_fillrecord(loader: Loader) -> None:
    source = loader.manifest(loader.entry("a.parquet", parquet(fields=FIELDS[:2])))
    assert "Unmatched number of columns" in (loader.copy(source).error or "")
    assert loader.copy(source, columns="(symbol, observed_at)").described["ResultRows"] == 3
    assert loader.copy(source, "FORMAT PARQUET FILLRECORD MANIFEST").described["ResultRows"] == 3


def test_several_row_groups(loader: Loader) -> None:
    rows = [{**ROWS[0], "trades": number} for number in range(1000)]
    outcome = loader.copy(loader.manifest(loader.entry("a.parquet", parquet(rows, row_group_size=100))))
    assert outcome.described["ResultRows"] == 1000
    assert loader.client.rows(f"SELECT SUM(trades), COUNT(DISTINCT trades) FROM {loader.schema}.t") == [[499500, 1000]]


def replaced(name: str, kind: pa.DataType) -> list[pa.Field]:
    return [pa.field(name, kind) if field.name == name else field for field in FIELDS]


WRONG_SCHEMAS = {
    "int64 into INTEGER": (replaced("small", pa.int64()), "small", "INTEGER"),
    "int32 into BIGINT": (replaced("trades", pa.int32()), "trades", "BIGINT"),
    "double into DECIMAL": (replaced("price", pa.float64()), "price", "DECIMAL(38, 18)"),
    "another scale": (replaced("price", pa.decimal128(38, 8)), "price", "DECIMAL(38, 18)"),
    "another precision": (replaced("price", pa.decimal128(18, 18)), "price", "DECIMAL(38, 18)"),
    "bytes into VARCHAR": (replaced("symbol", pa.binary()), "symbol", "VARCHAR(8)"),
    "string into TIMESTAMP": (replaced("observed_at", pa.string()), "observed_at", "TIMESTAMP"),
    "order of columns": ([FIELDS[1], FIELDS[0], *FIELDS[2:]], "symbol", "VARCHAR(8)"),
}


@pytest.mark.parametrize("case", WRONG_SCHEMAS)
def test_a_type_that_does_not_match_fails_and_is_located(loader: Loader, case: str) -> None:
    fields, column, shown = WRONG_SCHEMAS[case]
    source = loader.manifest(loader.entry("good.parquet", parquet()), loader.entry("bad.parquet", parquet([], fields)))
    outcome = loader.copy(source)
    assert outcome.status == "FAILED"
    assert "incompatible Parquet schema for column" in (outcome.error or "")
    assert f"bad.parquet.{column}'. Column type: {shown}" in (outcome.error or "")
    assert loader.rows() == []  # the rows of the valid file before it are rolled back
    detail = loader.client.rows(
        "SELECT file_name, column_name FROM sys_load_error_detail "
        f"WHERE query_id = {outcome.described['RedshiftQueryId']}"
    )
    assert detail == [[f"s3://{BUCKET}/{loader.schema}/bad.parquet", column]]


def test_the_numbers_of_columns_must_match(loader: Loader) -> None:
    error = loader.copy(loader.manifest(loader.entry("a.parquet", parquet([], FIELDS[:4])))).error or ""
    assert "Table columns: 5, Data columns: 4" in error


def test_null_into_not_null_fails(loader: Loader) -> None:
    error = loader.copy(loader.manifest(loader.entry("a.parquet", parquet([{**ROWS[0], "symbol": None}])))).error or ""
    assert "Cannot insert a NULL value into column symbol" in error
    assert "a.parquet" in error


def test_varchar_counts_bytes(loader: Loader) -> None:
    assert (
        loader.copy(loader.manifest(loader.entry("a.parquet", parquet([{**ROWS[0], "symbol": "ä" * 4}])))).error is None
    )
    error = loader.copy(
        loader.manifest(loader.entry("a.parquet", parquet([{**ROWS[0], "symbol": "ä" * 4 + "x"}])))
    ).error
    assert "Table: 8, Data: 9" in (error or "")


class TestManifest:
    def test_content_length_is_required_and_must_match(self, loader: Loader) -> None:
        body = parquet()
        assert "content_length' is required" in (
            loader.copy(loader.manifest(loader.entry("a", body, meta={}))).error or ""
        )
        wrong = loader.entry("a", body, meta={"content_length": len(body) + 1})
        assert "is not the file's length" in (loader.copy(loader.manifest(wrong)).error or "")

    def test_a_missing_mandatory_file_fails_and_another_is_skipped(self, loader: Loader) -> None:
        missing = {"url": f"s3://{BUCKET}/{loader.schema}/nowhere", "meta": {"content_length": 1}}
        good = loader.entry("a", parquet())
        assert "Mandatory url" in (loader.copy(loader.manifest(good, {**missing, "mandatory": True})).error or "")
        assert loader.copy(loader.manifest(good, missing)).described["ResultRows"] == 3
        assert loader.copy(loader.manifest(missing)).status == "FAILED"

    @pytest.mark.parametrize("body", [b"{", b"{}", b'{"entries": []}', b'{"entries": [{}]}', b"[]"])
    def test_an_invalid_manifest_fails(self, loader: Loader, body: bytes) -> None:
        assert "manifest" in (loader.copy(loader.put("m.json", body)).error or "")

    def test_a_missing_manifest_a_missing_file_and_an_invalid_file_fail(self, loader: Loader) -> None:
        assert "NoSuchKey" in (loader.copy(f"s3://{BUCKET}/{loader.schema}/no.json").error or "")
        assert "does not exist" in (loader.copy(f"s3://{BUCKET}/{loader.schema}/no", "FORMAT PARQUET").error or "")
        assert "not a valid Parquet file" in (
            loader.copy(loader.manifest(loader.entry("a", b"a,b\n1,2\n"))).error or ""
        )
        assert "NoSuchBucket" in (loader.copy("s3://no-such-bucket-here/x", "FORMAT PARQUET").error or "")

    def test_a_double_slash_fails(self, loader: Loader) -> None:
        assert "//" in (loader.copy(f"s3://{BUCKET}//{loader.schema}/m.json").error or "")
        entry = {"url": f"s3://{BUCKET}/{loader.schema}//a", "meta": {"content_length": 1}}
        assert "//" in (loader.copy(loader.manifest(entry)).error or "")


@pytest.mark.parametrize(
    "options",
    ["FORMAT AS PARQUET MAXERROR 10", "FORMAT AS PARQUET REGION 'us-east-1'", "FORMAT AS PARQUET COMPUPDATE OFF",
     "FORMAT AS PARQUET ACCEPTANYDATE", "FORMAT AS PARQUET GZIP", "FORMAT AS CSV", "CSV", "",
     "FORMAT AS PARQUET MANIFEST MANIFEST"],
)  # fmt: skip
def test_options_that_redshift_refuses_with_parquet_are_refused(loader: Loader, options: str) -> None:
    assert loader.copy(f"s3://{BUCKET}/x", options).status == "FAILED"


def test_the_role_must_exist_and_reads_the_files(loader: Loader, make_api: Any, tmp_path: Any) -> None:
    other = ROLE + "-other"
    error = loader.copy(loader.manifest(loader.entry("a", parquet())), role=other).error or ""
    assert f"not authorized to assume IAM Role {other}" in error
    asked: list[tuple[DatabaseUser, str]] = []
    api = make_api(tmp_path / "s.sqlite", s3_client_factory=lambda user, role: asked.append((user, role)) or loader.s3)
    try:
        source = loader.manifest(loader.entry("a", parquet()))
        copy = f"COPY {loader.schema}.t FROM '{source}' IAM_ROLE '{ROLE}' FORMAT PARQUET MANIFEST"
        assert Client(api).run(copy).error is None
        assert Client(api).batch(copy, "SELECT 1").error is None
        assert asked == [(DatabaseUser("crypto-prices", "admin"), ROLE)] * 2
    finally:
        api.close()


def test_a_missing_table(loader: Loader) -> None:
    source = loader.manifest(loader.entry("a", parquet()))
    error = loader.client.run(
        f"COPY {loader.schema}.nope FROM '{source}' IAM_ROLE '{ROLE}' FORMAT PARQUET MANIFEST"
    ).error
    assert error == f'ERROR: relation "{loader.schema}.nope" does not exist'


def test_100k_rows_load_quickly(loader: Loader) -> None:
    rows = [{**ROWS[0], "trades": number} for number in range(100_000)]
    source = loader.manifest(loader.entry("a", parquet(rows)))
    started = time.perf_counter()
    assert loader.copy(source).described["ResultRows"] == 100_000
    assert time.perf_counter() - started < 10
