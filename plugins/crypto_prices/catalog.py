"""What the Glue Data Catalog shows of a window: which Glue run's version each day's partition points at."""

from __future__ import annotations

from typing import Any

from crypto_prices.window import Window


def published_versions(glue_client: Any, database: str, table: str, window: Window) -> dict[str, str]:
    """Return the Glue run that published each day of a window.

    Args:
        glue_client: A boto3 Glue client.
        database: Glue database of the curated table.
        table: The curated table.
        window: The days to look at.

    Returns:
        Glue job run ids by ISO day; a day without a partition is not in it. A partition that no run of the Glue job
        published has an empty id.
    """
    pages = glue_client.get_paginator("get_partitions").paginate(
        DatabaseName=database,
        TableName=table,
        Expression=window.partition_expression(),
        ExcludeColumnSchema=True,
    )
    return {
        "-".join(partition["Values"]): partition.get("Parameters", {}).get("job_run_id", "")
        for page in pages
        for partition in page["Partitions"]
    }
