"""Parses COPY, limited to Parquet from S3, and refuses the options that Redshift refuses with it."""

from __future__ import annotations

import dataclasses
import re

from local_aws.redshift.refusal import SqlNotSupported
from local_aws.redshift.statement_text import Words

_ROLE_ARN = re.compile(r"arn:aws[\w-]*:iam::\d{12}:role/[\w+=,.@/-]+")
_S3_URL = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(?P<key>.*)", re.DOTALL)
# Options of COPY that Redshift refuses with Parquet, see
# https://docs.aws.amazon.com/redshift/latest/dg/copy-usage_notes-copy-from-columnar.html
_NOT_WITH_PARQUET = frozenset(
    """
    ACCEPTANYDATE ACCEPTINVCHARS AVRO BLANKSASNULL BZIP2 COMPROWS COMPUPDATE CSV DATEFORMAT DELIMITER
    EMPTYASNULL ENCODING ENCRYPTED ESCAPE EXPLICIT_IDS FIXEDWIDTH GZIP IGNOREBLANKLINES IGNOREHEADER JSON LZOP
    MAXERROR NOLOAD NULL QUOTE READRATIO REGION REMOVEQUOTES ROUNDEC SHAPEFILE SSH TIMEFORMAT TRIMBLANKS
    TRUNCATECOLUMNS ZSTD
    """.split()  # noqa: SIM905 - one word a line would hide the list
)


@dataclasses.dataclass(frozen=True)
class CopyStatement:
    """A COPY of Parquet files.

    Attributes:
        schema: The table's schema, or None.
        table: The table.
        columns: The columns in the statement, or None for all of the table's.
        bucket: The bucket of FROM.
        key: The manifest's key, or the prefix of the files' keys.
        role_arn: The role that reads the files.
        is_manifest: Whether FROM names a manifest.
        fill_record: Whether the statement has FILLRECORD (missing columns at the end are NULL).
    """

    schema: str | None
    table: str
    columns: tuple[str, ...] | None
    bucket: str
    key: str
    role_arn: str
    is_manifest: bool
    fill_record: bool = False

    @property
    def source(self) -> str:
        """FROM as it was written."""
        return f"s3://{self.bucket}/{self.key}"


def split_s3_url(url: str) -> tuple[str, str]:
    """Return the bucket and the key of an s3:// URL.

    Raises:
        SqlNotSupported: It is not such a URL, or Redshift does not accept it.
    """
    found = _S3_URL.fullmatch(url)
    if found is None:
        raise SqlNotSupported(f"Invalid S3 URL: {url}")
    if "//" in found["key"] or found["key"].startswith("/"):
        raise SqlNotSupported(f"S3 URL with an empty folder name (//): {url}")
    return found["bucket"], found["key"]


def parse_copy(words: Words) -> CopyStatement:
    """Parse the words after COPY.

    Raises:
        SqlNotSupported: It is not a COPY of Parquet from S3 that Redshift would run.
    """
    schema, table = words.qualified_name()
    columns: list[str] | None = None
    if words.take("("):
        columns = [words.name()]
        while words.take(","):
            columns.append(words.name())
        words.expect(")")
    words.expect("FROM")
    bucket, key = split_s3_url(words.string())
    role: str | None = None
    seen: set[str] = set()

    def once(option: str) -> None:
        if option in seen:
            raise SqlNotSupported(f"conflicting or redundant options: {option}")
        seen.add(option)

    while not words.at_end:
        if words.take("IAM_ROLE"):
            once("IAM_ROLE")
            if words.peek() == "DEFAULT":
                raise SqlNotSupported("IAM_ROLE default is not supported by the local Redshift: name the role")
            role = words.string()
        elif words.peek() in {"FORMAT", "AS", "PARQUET"}:
            # [[ FORMAT ] [ AS ] data_format ]: https://docs.aws.amazon.com/redshift/latest/dg/r_COPY.html
            once("FORMAT")
            words.take("FORMAT")
            words.take("AS")
            if not words.take("PARQUET"):
                raise SqlNotSupported(
                    f"COPY FORMAT {words.peek() or '?'} is not supported by the local Redshift: use PARQUET"
                )
        elif words.take("MANIFEST"):
            once("MANIFEST")
        elif words.take("STATUPDATE"):
            once("STATUPDATE")
            if not words.take("ON"):
                words.take("OFF")
        elif words.take("FILLRECORD"):
            once("FILLRECORD")
        elif words.peek() in {"ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "CREDENTIALS", "WITH", "SESSION_TOKEN"}:
            raise SqlNotSupported("COPY from S3 needs IAM_ROLE 'arn:aws:iam::…:role/…' in the local Redshift")
        elif words.peek() in _NOT_WITH_PARQUET:
            raise SqlNotSupported(f"{words.peek()} argument is not supported for PARQUET based COPY")
        else:
            raise words.syntax_error("unknown option of COPY")
    if "FORMAT" not in seen:
        raise SqlNotSupported("COPY without FORMAT AS PARQUET is not supported by the local Redshift")
    if role is None:
        raise SqlNotSupported("COPY needs authorization: IAM_ROLE 'arn:aws:iam::…:role/…'")
    if not _ROLE_ARN.fullmatch(role):
        raise SqlNotSupported(f"Invalid IAM_ROLE: {role}")
    return CopyStatement(
        schema=schema,
        table=table,
        columns=None if columns is None else tuple(columns),
        bucket=bucket,
        key=key,
        role_arn=role,
        is_manifest="MANIFEST" in seen,
        fill_record="FILLRECORD" in seen,
    )
