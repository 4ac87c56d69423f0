"""The script of the Glue job that curates crypto prices. It reads the arguments and runs ``crypto_prices_etl``."""

import logging
import sys


def main() -> None:
    """Run one curation with the arguments that Glue passes."""
    import boto3
    from awsglue.utils import getResolvedOptions  # type: ignore[import-not-found,unused-ignore]
    from crypto_prices_etl.arguments import OPTION_NAMES, CurationArguments
    from crypto_prices_etl.committer_files import delete_leftovers
    from crypto_prices_etl.curation import SPARK_SETTINGS, curate
    from pyspark.sql import SparkSession

    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    options = getResolvedOptions(sys.argv, list(OPTION_NAMES))
    arguments = CurationArguments.from_options(options)
    s3, glue = boto3.client("s3"), boto3.client("glue")
    delete_leftovers(s3, glue, job_name=options["JOB_NAME"], bucket=arguments.lake_bucket)
    builder = SparkSession.builder.appName("curate_crypto_prices")
    for name, value in SPARK_SETTINGS.items():
        builder = builder.config(name, value)
    curate(builder.getOrCreate(), s3, glue, arguments)


if __name__ == "__main__":
    main()
