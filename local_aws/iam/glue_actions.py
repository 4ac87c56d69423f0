"""The checks of AWS Glue.

Catalog operations need permissions on the catalog, the database and the table:
https://docs.aws.amazon.com/glue/latest/dg/glue-specifying-resource-arns.html
The resources of each operation: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsglue.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from local_aws.iam.checks import ApiCall, Check, Facts

_TABLE_LEVEL = re.compile(r"\w*(Table|Partition|ColumnStatistics|PartitionIndex)\w*")
_ALL_TABLES = frozenset({"GetTables", "DeleteDatabase"})
# Kinds of definitions that have an ARN and are identified by Name or by the kind's own member.
_NAMED = {
    "Job": "job",
    "Crawler": "crawler",
    "Trigger": "trigger",
    "Workflow": "workflow",
    "Connection": "connection",
    "Blueprint": "blueprint",
    "DevEndpoint": "devEndpoint",
    "Session": "session",
    "UsageProfile": "usageProfile",
    "Registry": "registry",
}
_KIND = re.compile(r"(?:Create|Update|Delete|Get|Start|Stop|BatchStop|Reset|Upgrade)([A-Z]\w*?)(?:s|Runs?|Bookmark)?")


def checks(call: ApiCall, _facts: Facts) -> Iterator[Check]:
    """Yield the checks of a Glue call."""
    for resource in _resources(call):
        yield Check(f"glue:{call.operation}", resource)


def _resources(call: ApiCall) -> list[str]:
    if call.text("ResourceArn"):
        return [call.text("ResourceArn")]
    catalog = _catalog(call)
    if catalog:
        return [call.arn(rest) for rest in ("catalog", *catalog)]
    if call.operation.startswith("BatchGet"):
        kind = _NAMED.get(call.operation.removeprefix("BatchGet").rstrip("s"))
        names = next((value for name, value in call.params.items() if name.endswith("Names")), None)
        if kind is not None and isinstance(names, list) and names:
            return [call.arn(f"{kind}/{name}") for name in names]
    found = _KIND.fullmatch(call.operation)
    kind = _NAMED.get(found[1]) if found is not None else None
    if found is not None and kind is not None:
        member = _inner(call, "ConnectionInput") if kind == "connection" else ""
        name = call.text(f"{found[1]}Name") or member or call.text("Name")
        if name:
            return [call.arn(f"{kind}/{name}")]
    return ["*"]


def _catalog(call: ApiCall) -> list[str]:
    """Return the resources below the catalog, or an empty list if the operation does not concern the catalog."""
    operation = call.operation
    if operation == "GetDatabases":
        return ["database/*"]
    if operation == "SearchTables":
        return ["database/*", "table/*/*"]
    if operation.endswith("Database"):
        name = call.text("Name") or _inner(call, "DatabaseInput")
        below = [f"table/{name}/*", f"userDefinedFunction/{name}/*"] if operation in _ALL_TABLES else []
        return [f"database/{name}", *below] if name else []
    database = call.text("DatabaseName")
    if not database:
        return []
    if "UserDefinedFunction" in operation:
        name = call.text("FunctionName") or _inner(call, "FunctionInput", "FunctionName") or "*"
        return [f"database/{database}", f"userDefinedFunction/{database}/{name}"]
    if not _TABLE_LEVEL.fullmatch(operation):
        return [f"database/{database}"]
    if operation in _ALL_TABLES:
        return [f"database/{database}", f"table/{database}/*"]
    names = call.params.get("TablesToDelete")
    if not isinstance(names, list):
        names = [call.text("TableName") or call.text("Name") or _inner(call, "TableInput") or "*"]
    return [f"database/{database}", *(f"table/{database}/{name}" for name in names)]


def _inner(call: ApiCall, member: str, name: str = "Name") -> str:
    value: Any = call.params.get(member)
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""
