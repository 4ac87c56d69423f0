"""``python -m local_aws.glue.prepare_spark``: builds the Spark cache in advance, so that no job run waits for it.

Images use it. The cache contains the jars of S3A and the archive of the classes that a run loads (see ``spark_jvm``).
To create the archive, it runs a small script with the operations of a typical ETL job: from JSON lines to Parquet,
with a join and an aggregation.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from local_aws.glue.installed_spark import DEFAULT_CACHE_DIR, SparkUnavailableError
from local_aws.glue.spark_jvm import SparkJvms
from local_aws.glue.spark_runtime import RunFiles, SparkRuntime

_RUN_SECONDS = 300

_SCRIPT = """
import json
import sys

from pyspark.sql import SparkSession, Window
from pyspark.sql import functions as F

folder = sys.argv[1]
spark = SparkSession.builder.getOrCreate()
with open(f"{folder}/in.json", "w") as lines:
    lines.writelines(json.dumps({"key": n % 3, "at": n, "amount": f"{n}.5"}) + "\\n" for n in range(100))
rows = (
    spark.read.json(f"{folder}/in.json", schema="key long, at long, amount string")
    .withColumn("amount", F.expr("try_cast(amount AS decimal(38, 18))"))
    .withColumn("observed_at", F.timestamp_seconds("at"))
    .withColumn("rank", F.row_number().over(Window.partitionBy("key").orderBy("at")))
)
totals = rows.groupBy("key").agg(F.count("*").alias("total"), F.max("amount").alias("highest"))
rows.join(F.broadcast(totals), "key").coalesce(1).write.mode("overwrite").parquet(f"{folder}/out")
assert spark.read.parquet(f"{folder}/out").count() == 100
spark.stop()
"""


def main(cache_dir: Path = DEFAULT_CACHE_DIR) -> int:
    """Build both in a cache folder, and return 1 if that failed."""
    jvms = SparkJvms(cache_dir=cache_dir)
    with tempfile.TemporaryDirectory(prefix="local-aws-spark-") as name:
        folder = Path(name)
        script = folder / "script.py"
        script.write_text(_SCRIPT, encoding="utf-8")
        files = RunFiles("jr_prepare", folder, script, [], folder / "output", folder / "errors")
        try:
            run = SparkRuntime(jvms).start(files, arguments=[str(folder)], spark_settings={}, environment={})
        except SparkUnavailableError as failure:
            sys.stderr.write(f"{failure}\n")
            return 1
        ended = run.wait(_RUN_SECONDS)
        run.end()
        if not ended or run.error() is not None:
            sys.stderr.write(f"{run.error()}\n{files.errors.read_text(errors='replace')}")
            return 1
        jvms.finish_archive()
    made = sorted(path.name for path in jvms.cache_dir.iterdir())
    sys.stdout.write(f"{jvms.cache_dir} has {', '.join(made)}\n")
    return 0 if any(name.endswith(".jsa") for name in made) else 1


if __name__ == "__main__":
    sys.exit(main())
