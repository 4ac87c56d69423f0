"""Numbers of Spark partitions, by number of records: no task spills, and none does so little that its start dominates.

Spark would decide by size. It would read a few dozen small bodies per task, or a million records of large ones.
"""

from __future__ import annotations

RECORDS_PER_TASK = 100_000
"""They take some 50 MB of a task's share of the heap. 500,000 spilled with a heap of 1 GB."""

OBJECTS_PER_TASK = 500
"""S3 answers in some 20 ms, so a task takes 10 seconds at most to open its objects."""


def read_partitions(records: int, objects: int) -> int:
    """Return the number of partitions to read the raw objects in."""
    return 1 + max(records // RECORDS_PER_TASK, objects // OBJECTS_PER_TASK)


def day_partitions(records: int, days: int) -> int:
    """Return the number of partitions of rows that are partitioned by day."""
    return min(days, 1 + records // RECORDS_PER_TASK)
