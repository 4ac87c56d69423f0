"""Extends moto's Glue partitions with pages, segments, a check of the values, and updates that lose nothing."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from typing import Any

_PAGE = 1000


def add_partition_operations() -> None:
    """Replace moto's methods with our own. Repeated calls have no effect."""
    import moto.glue.models as moto_models
    from moto.core.responses import ActionResult
    from moto.glue.exceptions import (
        InvalidInputException,
        PartitionAlreadyExistsException,
        PartitionNotFoundException,
    )
    from moto.glue.responses import GlueResponse

    models: Any = moto_models
    responses: Any = GlueResponse
    if hasattr(models.FakeTable, "has_local_aws_partitions"):
        return
    replace_partition = models.FakeTable.update_partition

    def update_partition(self: Any, old_values: Any, partition_input: Any) -> None:
        # moto drops the old partition before it notices that the new values already exist.
        new_values = partition_input["Values"]
        if old_values != new_values and str(old_values) in self.partitions and str(new_values) in self.partitions:
            raise PartitionAlreadyExistsException()
        replace_partition(self, old_values, partition_input)

    def batch_update_partition(self: Any, database: str, table: str, entries: list[Any]) -> list[dict[str, Any]]:
        # moto's version stops halfway if an entry's new values already exist.
        errors = []
        for entry in entries:
            try:
                self.get_table(database, table).update_partition(entry["PartitionValueList"], entry["PartitionInput"])
            except PartitionNotFoundException:
                detail = {"ErrorCode": "EntityNotFoundException", "ErrorMessage": "Partition not found."}
                errors.append({"PartitionValueList": entry["PartitionValueList"], "ErrorDetail": detail})
            except PartitionAlreadyExistsException:
                detail = {"ErrorCode": "AlreadyExistsException", "ErrorMessage": "Partition already exists."}
                errors.append({"PartitionValueList": entry["PartitionValueList"], "ErrorDetail": detail})
        return errors

    def get_partitions(self: Any) -> Any:
        asked = self.parameters.get
        table = self.glue_backend.get_table(asked("DatabaseName"), asked("TableName"))
        found = table.get_partitions(asked("Expression"))
        segment = asked("Segment")
        if segment is not None:
            number, count = segment["SegmentNumber"], segment["TotalSegments"]
            if number >= count:
                raise InvalidInputException("GetPartitions", "SegmentNumber must be less than TotalSegments.")
            found = found[number::count]
        try:
            start = int(base64.b64decode(asked("NextToken") or "MA==", validate=True))
        except ValueError:
            raise InvalidInputException("GetPartitions", "NextToken was not issued by GetPartitions.") from None
        end = start + (asked("MaxResults") or _PAGE)
        partitions = [partition.as_dict() for partition in found[start:end]]
        if asked("ExcludeColumnSchema"):
            for partition in partitions:
                storage = partition.get("StorageDescriptor", {})
                partition["StorageDescriptor"] = {name: storage[name] for name in storage if name != "Columns"}
        token = base64.b64encode(str(end).encode()).decode() if end < len(found) else None
        return ActionResult({"Partitions": partitions, "NextToken": token})

    def with_fitting_values(name: str, inputs: Callable[[Any], Iterable[Any]]) -> Callable[[Any], Any]:
        write = getattr(responses, name)

        def checked(self: Any) -> Any:
            table = self.glue_backend.get_table(self.parameters["DatabaseName"], self.parameters["TableName"])
            keys = len(table.as_dict().get("PartitionKeys") or [])
            if any(len(written.get("Values") or []) != keys for written in inputs(self.parameters)):
                message = "The number of partition keys do not match the number of partition values"
                raise InvalidInputException(name, message)
            return write(self)

        return checked

    models.FakeTable.has_local_aws_partitions = True
    models.FakeTable.update_partition = update_partition
    models.GlueBackend.batch_update_partition = batch_update_partition
    responses.get_partitions = get_partitions
    for name, inputs in _WRITES.items():
        setattr(responses, name, with_fitting_values(name, inputs))


_WRITES: dict[str, Callable[[Any], Iterable[Any]]] = {
    "create_partition": lambda asked: [asked["PartitionInput"]],
    "update_partition": lambda asked: [asked["PartitionInput"]],
    "batch_create_partition": lambda asked: asked["PartitionInputList"],
    "batch_update_partition": lambda asked: [entry["PartitionInput"] for entry in asked["Entries"]],
}
