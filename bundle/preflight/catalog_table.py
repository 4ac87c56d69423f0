"""Checks catalog_table.json against the requirements of Terraform and the Glue Data Catalog."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

from bundle.contents import CATALOG_TABLE
from bundle.preflight.bundle import Bundle
from bundle.preflight.finding import Finding

_SIMPLE = r"string|timestamp|date|boolean|tinyint|smallint|int|bigint|float|double|binary"
_TYPE = re.compile(rf"(?:{_SIMPLE})|(?:var)?char\(\d+\)|decimal\((?P<precision>\d+),(?P<scale>\d+)\)")
_MEMBERS = {"name", "type", "comment"}
_TODO = "correct glue_scripts/crypto_prices_etl/schemas.py or the data dictionary, and build again"
_MAX_NAME, _MAX_COMMENT = 255, 255  # limits of the Glue API's Column
_MAX_DESCRIPTION = 2048  # limit of the Glue API's TableInput


def check_catalog_table(bundle: Bundle) -> list[Finding]:
    """Check that the table and its columns have comments, that names are unique and that Hive supports the types."""
    content = bundle.files.get(CATALOG_TABLE)
    if content is None:
        return []  # check_complete reports it
    try:
        table = json.loads(content)
    except ValueError as error:
        return [Finding(CATALOG_TABLE, f"it is not JSON: {error}", _TODO)]
    if not isinstance(table, dict) or set(table) != {"description", "columns", "partition_keys"}:
        what = "it must have exactly the members description, columns and partition_keys"
        return [Finding(CATALOG_TABLE, what, _TODO)]
    findings = [
        *_description(table["description"]),
        *_columns("columns", table["columns"]),
        *_columns("partition_keys", table["partition_keys"]),
    ]
    if findings:
        return findings
    names = Counter(column["name"].lower() for kind in ("columns", "partition_keys") for column in table[kind])
    keys = {column["name"].lower() for column in table["partition_keys"]}
    for name, times in names.items():
        if times > 1:
            what = f"{name} exists {times} times" + (", as a partition key and as a column" if name in keys else "")
            findings.append(Finding(CATALOG_TABLE, what, f"Hive requires unique names: {_TODO}"))
    return findings


def _description(description: Any) -> list[Finding]:
    if _is_text(description) and 0 < len(description) <= _MAX_DESCRIPTION:
        return []
    return [Finding(CATALOG_TABLE, f"description is not a text of 1 to {_MAX_DESCRIPTION} characters", _TODO)]


def _columns(kind: str, columns: Any) -> list[Finding]:
    if not isinstance(columns, list) or not columns:
        return [Finding(CATALOG_TABLE, f"{kind} is not a list with at least one column", _TODO)]
    findings = []
    for index, column in enumerate(columns):
        where = f"{CATALOG_TABLE} {kind}[{index}]"
        if not isinstance(column, dict) or set(column) != _MEMBERS or not all(map(_is_text, column.values())):
            findings.append(Finding(where, "it must have exactly the strings name, type and comment", _TODO))
            continue
        if not re.fullmatch(rf"[a-z][a-z0-9_]{{0,{_MAX_NAME - 1}}}", column["name"]):
            what = f"{column['name']!r} is not a name that Athena and Spark accept without quotes (a-z, 0-9, _)"
            findings.append(Finding(where, what, _TODO))
        if not 0 < len(column["comment"]) <= _MAX_COMMENT:
            findings.append(Finding(where, f"the comment does not have 1 to {_MAX_COMMENT} characters", _TODO))
        match = _TYPE.fullmatch(column["type"])
        if match is None:
            findings.append(Finding(where, f"{column['type']!r} is not a Hive type", _TODO))
        elif match["precision"] and not int(match["scale"]) <= int(match["precision"]) <= 38:
            findings.append(Finding(where, f"{column['type']} has more than 38 digits, or a scale above that", _TODO))
    return findings


def _is_text(value: object) -> bool:
    return isinstance(value, str)
