"""Writes a partitioned table of Parquet files with awswrangler, registers it in the Glue catalog, and reads it back."""

import os

import awswrangler as wr
import pandas as pd

database = f"{os.environ['CONFORMANCE_DATABASE']}_w"
path = f"s3://{os.environ['CONFORMANCE_BUCKET']}/{os.environ['CONFORMANCE_PREFIX']}/awswrangler/"
wr.catalog.create_database(database)
try:
    frame = pd.DataFrame({"id": [1, 2, 3], "name": ["a", "b", None], "day": ["2024-01-01", "2024-01-01", "2024-01-02"]})
    written = wr.s3.to_parquet(
        frame, path=path, dataset=True, database=database, table="t", partition_cols=["day"], mode="overwrite"
    )
    print(len(written["paths"]), "files")
    print(sorted(wr.catalog.get_partitions(database, "t").values()))
    print(wr.catalog.get_table_types(database, "t"))
    back = wr.s3.read_parquet_table(database=database, table="t").sort_values("id")
    print(back[["id", "name"]].astype(object).where(back[["id", "name"]].notna(), None).values.tolist())
    one = wr.s3.read_parquet(path, dataset=True, partition_filter=lambda part: part["day"] == "2024-01-02")
    print(one["id"].tolist())
finally:
    wr.catalog.delete_database(database)
    wr.s3.delete_objects(path)
