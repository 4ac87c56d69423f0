"""Executes COPY … FORMAT AS PARQUET: loads files from S3 into a table, with checks as strict as Redshift's.

Columns by position, equal numbers of columns, and ``content_length`` in a manifest:
https://docs.aws.amazon.com/redshift/latest/dg/copy-usage_notes-copy-from-columnar.html
The manifest: https://docs.aws.amazon.com/redshift/latest/dg/loading-data-files-using-manifest.html
"""

from __future__ import annotations

import dataclasses
import io
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from typing import IO, Any

import psycopg
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
import pyarrow.csv as pa_csv  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
from botocore.exceptions import ClientError
from psycopg import sql

from local_aws.redshift.copy_statement import CopyStatement, split_s3_url
from local_aws.redshift.refusal import SqlNotSupported

_BATCH_ROWS = 65536
_SHOWN_TYPES = {
    "int2": "SMALLINT",
    "int4": "INTEGER",
    "int8": "BIGINT",
    "numeric": "DECIMAL",
    "float4": "REAL",
    "float8": "DOUBLE PRECISION",
    "bool": "BOOLEAN",
    "bpchar": "CHAR",
}
_MISSING = {"404", "NoSuchKey", "NotFound"}


@dataclasses.dataclass(frozen=True)
class DatabaseUser:
    """The user that runs a COPY.

    Attributes:
        workgroup: The name or ARN of the workgroup.
        name: The user's name in the database, or None if it is unknown.
    """

    workgroup: str
    name: str | None


S3ClientFactory = Callable[[DatabaseUser, str], Any]
"""Takes the user of a COPY and the ARN of its role, and returns a boto3 S3 client with that role's permissions."""


class CopyError(Exception):
    """A COPY failed.

    Attributes:
        message: Redshift's message.
        file: The file that caused it, if there is one.
        column: The name of the column that caused it, if there is one.
        column_type: The column's type in the table.
        code: Redshift's error number.
    """

    def __init__(
        self, message: str, *, file: str = "", column: str = "", column_type: str = "", code: int = 15007
    ) -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.column = column
        self.column_type = column_type
        self.code = code


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of the target table.

    Attributes:
        name: Its name.
        type_name: PostgreSQL's name of its type, without a length.
        size: The length in bytes of a text column, or (precision, scale) of a decimal.
        nullable: Whether it accepts NULL.
    """

    name: str
    type_name: str
    size: tuple[int, ...]
    nullable: bool

    @property
    def shown_type(self) -> str:
        """The type as Redshift's errors show it."""
        name = _SHOWN_TYPES.get(self.type_name, self.type_name.upper())
        return f"{name}({', '.join(map(str, self.size))})" if self.size else name


@dataclasses.dataclass(frozen=True)
class Loaded:
    """The result of a COPY.

    Attributes:
        rows: Number of loaded rows.
        files: Number of files.
        size: Their size in bytes.
    """

    rows: int
    files: int
    size: int


@dataclasses.dataclass(frozen=True)
class _File:
    bucket: str
    key: str
    size: int

    @property
    def url(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def load_parquet(
    connection: psycopg.Connection[Any], statement: CopyStatement, client: Any, stop: Callable[[], bool] = lambda: False
) -> Loaded:
    """Run a COPY in the connection's transaction.

    Args:
        connection: A connection with an open transaction, whose cursors are psycopg's RawCursor.
        statement: The COPY.
        client: A boto3 S3 client with the permissions of the role in the statement.
        stop: Called between batches of rows. If it returns true, the load ends with an error.

    Raises:
        CopyError: A file, its schema or its data do not fit the table.
    """
    columns = _target_columns(connection, statement)
    files = list(_manifest_files(client, statement) if statement.is_manifest else _prefix_files(client, statement))
    target = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(
        sql.Identifier(*(part for part in (statement.schema, statement.table) if part)),
        sql.SQL(", ").join(sql.Identifier(column.name) for column in columns),
    )
    rows = 0
    with connection.cursor() as cursor, cursor.copy(target) as copy:
        for file in files:
            for batch in _read(client, file, columns, statement.fill_record):
                if stop():
                    raise CopyError("Query cancelled on user's request", file=file.url)
                text = io.BytesIO()
                pa_csv.write_csv(batch, text, pa_csv.WriteOptions(include_header=False, quoting_style="needed"))
                copy.write(text.getbuffer())
                rows += batch.num_rows
    return Loaded(rows, len(files), sum(file.size for file in files))


def _target_columns(connection: psycopg.Connection[Any], statement: CopyStatement) -> list[Column]:
    name = statement.table if statement.schema is None else f"{statement.schema}.{statement.table}"
    found = connection.execute(
        """
        SELECT a.attname, t.typname, CASE WHEN d.oid IS NULL THEN a.atttypmod ELSE d.typtypmod END, NOT a.attnotnull,
            a.attidentity
        FROM pg_attribute a
        JOIN pg_class c ON c.oid = a.attrelid AND c.relkind = 'r'
        LEFT JOIN pg_type d ON d.oid = a.atttypid AND d.typtype = 'd'
        JOIN pg_type t ON t.oid = coalesce(d.typbasetype, a.atttypid)
        WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped
        ORDER BY a.attnum
        """,
        [sql.Identifier(*name.split(".", 1)).as_string(connection)],
    ).fetchall()
    if not found:
        raise CopyError(f'relation "{name}" does not exist', code=1023)
    columns = {row[0]: (Column(row[0], row[1], _size(row[1], row[2]), row[3]), row[4]) for row in found}
    if statement.columns is None:
        return [column for column, identity in columns.values() if not identity]
    for wanted in statement.columns:
        if wanted not in columns:
            raise CopyError(f'column "{wanted}" of relation "{statement.table}" does not exist', column=wanted)
        if columns[wanted][1]:
            raise CopyError(f"cannot set an identity column to a value: {wanted}", column=wanted)
    if len(set(statement.columns)) != len(statement.columns):
        raise CopyError("a column is named twice in the list of columns")
    return [columns[wanted][0] for wanted in statement.columns]


def _size(type_name: str, modifier: int) -> tuple[int, ...]:
    if modifier < 4:
        return ()
    if type_name in {"varchar", "bpchar"}:
        return (modifier - 4,)
    if type_name == "numeric":
        return ((modifier - 4) >> 16, (modifier - 4) & 0x7FF)
    return ()


def _prefix_files(client: Any, statement: CopyStatement) -> Iterator[_File]:
    """Return the files of a COPY without MANIFEST. FROM is a key prefix, so 'part-1' also matches 'part-10'."""
    token: dict[str, str] = {}
    found = False
    while True:
        try:
            page = client.list_objects_v2(Bucket=statement.bucket, Prefix=statement.key, **token)
        except ClientError as error:
            raise _s3_error(error, statement.source) from None
        for item in page.get("Contents", []):
            found = True
            yield _File(statement.bucket, item["Key"], item["Size"])
        if not page.get("IsTruncated"):
            break
        token = {"ContinuationToken": page["NextContinuationToken"]}
    if not found:
        raise CopyError(f"The specified S3 prefix '{statement.key}' does not exist", file=statement.source, code=8001)


def _manifest_files(client: Any, statement: CopyStatement) -> Iterator[_File]:
    def invalid(reason: str) -> CopyError:
        return CopyError(f"Problem reading manifest file - {reason}", file=statement.source, code=8001)

    try:
        body = client.get_object(Bucket=statement.bucket, Key=statement.key)["Body"].read()
    except ClientError as error:
        raise invalid(_s3_error(error, statement.source).message) from None
    try:
        manifest = json.loads(body)
    except ValueError as error:
        raise invalid(f"Invalid JSON: {error}") from None
    entries = manifest.get("entries") if isinstance(manifest, dict) else None
    if not isinstance(entries, list) or not entries:
        raise invalid("'entries' must be a list that is not empty")
    found = False
    for entry in entries:
        url = entry.get("url") if isinstance(entry, dict) else None
        if not isinstance(url, str):
            raise invalid("an entry without a 'url'")
        mandatory = entry.get("mandatory", False)
        if not isinstance(mandatory, bool):
            raise invalid(f"'mandatory' must be true or false: {url}")
        meta = entry.get("meta")
        length = meta.get("content_length") if isinstance(meta, dict) else None
        if not isinstance(length, int) or isinstance(length, bool):
            raise invalid(f"'meta.content_length' is required for PARQUET: {url}")
        try:
            bucket, key = split_s3_url(url)
        except SqlNotSupported as error:
            raise invalid(str(error)) from None
        try:
            size = client.head_object(Bucket=bucket, Key=key)["ContentLength"]
        except ClientError as error:
            if error.response["Error"]["Code"] not in _MISSING:
                raise _s3_error(error, url) from None
            if mandatory:
                raise CopyError(f"Mandatory url is not present in S3: {url}", file=url, code=8001) from None
            continue
        if size != length:
            raise CopyError(
                f"Manifest's content_length {length} of {url} is not the file's length {size}", file=url, code=8001
            )
        found = True
        yield _File(bucket, key, size)
    if not found:
        raise invalid("none of its files exists")


def _s3_error(error: ClientError, url: str) -> CopyError:
    detail = error.response.get("Error", {})
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", "")
    message = f"S3ServiceException:{detail.get('Message', error)},Status {status},Error {detail.get('Code', '')}: {url}"
    return CopyError(message, file=url, code=8001)


def _read(client: Any, file: _File, columns: list[Column], fill_record: bool) -> Iterator[pa.Table]:
    """Yield the checked rows of one file in batches. The file is on disk, so memory holds only one row group."""
    with tempfile.TemporaryFile() as local:
        _download(client, file, local)
        try:
            parquet = pq.ParquetFile(local)
        except (pa.ArrowInvalid, OSError) as error:
            raise CopyError(
                f"Spectrum Scan Error. File '{file.url}' is not a valid Parquet file: {error}", file=file.url
            ) from None
        _check_schema(parquet, file, columns, fill_record)
        row = 0
        for batch in parquet.iter_batches(batch_size=_BATCH_ROWS):
            arrays = [
                _checked(batch.column(at), column, file, row) for at, column in enumerate(columns[: batch.num_columns])
            ]
            arrays += [pa.nulls(batch.num_rows) for _missing in columns[batch.num_columns :]]
            yield pa.Table.from_arrays(arrays, names=[str(at) for at in range(len(arrays))])
            row += batch.num_rows


def _download(client: Any, file: _File, local: IO[bytes]) -> None:
    try:
        body = client.get_object(Bucket=file.bucket, Key=file.key)["Body"]
    except ClientError as error:
        raise _s3_error(error, file.url) from None
    shutil.copyfileobj(body, local, 1024 * 1024)
    local.seek(0)


def _check_schema(parquet: pq.ParquetFile, file: _File, columns: list[Column], fill_record: bool) -> None:
    fields = list(parquet.schema_arrow)
    if len(fields) > len(columns) or (len(fields) < len(columns) and not fill_record):
        raise CopyError(
            "Spectrum Scan Error. Unmatched number of columns between table and file. "
            f"Table columns: {len(columns)}, Data columns: {len(fields)}, File name: {file.url}",
            file=file.url,
        )
    for missing in columns[len(fields) :]:
        if not missing.nullable:
            raise _null_error(missing, file)
    for at, (field, column) in enumerate(zip(fields, columns, strict=False)):
        if not _fits(field.type, column):
            physical = parquet.schema.column(at) if len(parquet.schema) == len(fields) else None
            shown = (
                f"{physical.physical_type.lower()} {field.name} ({physical.logical_type})" if physical else str(field)
            )
            optional = "optional" if field.nullable else "required"
            raise CopyError(
                f"Spectrum Scan Error. File '{file.url}' has an incompatible Parquet schema "
                f"for column '{file.url}.{column.name}'. "
                f"Column type: {column.shown_type}, Parquet schema: {optional} {shown} [i:{at}]",
                file=file.url,
                column=column.name,
                column_type=column.shown_type,
            )


def _fits(arrow: pa.DataType, column: Column) -> bool:
    if pa.types.is_dictionary(arrow):
        arrow = arrow.value_type
    match column.type_name:
        case "int2":
            return bool(pa.types.is_int16(arrow))
        case "int4":
            return bool(pa.types.is_int32(arrow))
        case "int8":
            return bool(pa.types.is_int64(arrow))
        case "numeric":
            return bool(pa.types.is_decimal(arrow)) and (arrow.precision, arrow.scale) == column.size
        case "float4":
            return bool(pa.types.is_float32(arrow))
        case "float8":
            return bool(pa.types.is_float64(arrow))
        case "bool":
            return bool(pa.types.is_boolean(arrow))
        case "varchar" | "bpchar":
            return bool(pa.types.is_string(arrow) or pa.types.is_large_string(arrow))
        case "date":
            return bool(pa.types.is_date32(arrow))
        case "timestamp" | "timestamptz":
            return bool(pa.types.is_timestamp(arrow))
    return False


def _checked(values: pa.Array, column: Column, file: _File, first_row: int) -> pa.Array:
    """Return the checked values of one column, in a type that PostgreSQL reads from CSV."""
    if values.null_count and not column.nullable:
        raise _null_error(column, file, first_row)
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if column.type_name in {"varchar", "bpchar"} and len(values):
        longest = pc.max(pc.binary_length(values)).as_py()
        if longest is not None and column.size and longest > column.size[0]:
            raise CopyError(
                f"Spectrum Scan Error. The length of the data column {column.name} "
                "is longer than the length defined in the table. "
                f"Table: {column.size[0]}, Data: {longest}, File name: {file.url}",
                file=file.url,
                column=column.name,
                column_type=column.shown_type,
            )
    if pa.types.is_timestamp(values.type):
        # INT96 has nanoseconds and Redshift microseconds. The time is in UTC in either case.
        return values.cast(pa.timestamp("us", values.type.tz), safe=False).cast(pa.timestamp("us"))
    return values


def _null_error(column: Column, file: _File, first_row: int = 0) -> CopyError:
    return CopyError(
        f"Cannot insert a NULL value into column {column.name}. File name: {file.url}, from row {first_row + 1} on",
        file=file.url,
        column=column.name,
        column_type=column.shown_type,
        code=1202,
    )
