"""Load two markets of the source that docs/how-to/add-a-source.md adds, as the bundle does, and print the result.

It runs as a separate program, because it imports the page's code from a copy of the repository.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime

import boto3
import crypto_prices
import crypto_prices_etl
from crypto_prices.fetch.errors import FatalSourceError
from crypto_prices.fetch.exchange_markets import ask_markets
from crypto_prices.fetch.http_client import HttpClient
from crypto_prices.fetch.markets import MarketsByDay
from crypto_prices.fetch.raw_zone import RawManifest, RawZone, put_listings
from crypto_prices.fetch.sources import get_source
from crypto_prices.plan.check_sources import check_sources
from crypto_prices.settings import parse_settings
from crypto_prices_contract.window import Window
from crypto_prices_etl.arguments import CurationArguments
from crypto_prices_etl.curation import SPARK_SETTINGS, curate
from pyspark.sql import SparkSession

from local_aws.glue import spark_runtime
from local_aws.glue.installed_spark import DEFAULT_CACHE_DIR
from local_aws.glue.s3a_jars import s3a_jars

BUCKET, WINDOW_START, WINDOW_END, SETTINGS, *ODD_MARKETS = sys.argv[1:]
WINDOW = Window.parse(WINDOW_START, WINDOW_END)


def land() -> RawManifest:
    """Fetch every market in the settings into the raw zone."""
    settings = parse_settings(SETTINGS)
    check_sources(settings)
    ((name, wanted),) = settings.sources.items()
    source = get_source(name, wanted.api_url)
    with HttpClient() as client:
        asked = ask_markets(source, client, wanted.symbols, wanted.markets)
    s3 = boto3.client("s3")
    markets = MarketsByDay({name: asked.pairs}).in_window(WINDOW)[name]
    zone = RawZone(
        s3_client=s3,
        bucket=BUCKET,
        source=name,
        window=WINDOW,
        candle_interval=settings.candle_interval,
        attempt="a1",
        markets=markets,
        expected_records=(WINDOW.ends_at - WINDOW.starts_at) // source.interval_length(settings.candle_interval),
        listings=put_listings(s3, bucket=BUCKET, source=name, window=WINDOW, attempt="a1", responses=asked.responses),
    )
    with HttpClient() as client:
        for market in markets:
            for page in source.fetch_pages(client, market.exchange_symbol, WINDOW, settings.candle_interval):
                zone.put_page(market, page)
    return zone.commit(datetime.now(UTC))


def refusals() -> dict[str, str]:
    """Return the errors of markets that cannot be fetched."""
    settings = parse_settings(SETTINGS)
    ((name, wanted),) = settings.sources.items()
    errors = {}
    with HttpClient() as client:
        for market in ODD_MARKETS:
            try:
                list(get_source(name, wanted.api_url).fetch_pages(client, market, WINDOW, settings.candle_interval))
                errors[market] = "nothing"
            except FatalSourceError as error:
                errors[market] = str(error)
    return errors


def spark() -> SparkSession:
    """Return a session that can read and write s3:// URIs."""
    settings = {
        **spark_runtime.SPARK_SETTINGS,
        **spark_runtime.s3_settings(os.environ),
        **SPARK_SETTINGS,
        "spark.driver.extraClassPath": os.pathsep.join(map(str, s3a_jars(DEFAULT_CACHE_DIR))),
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
    }
    builder = SparkSession.builder
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def main() -> None:
    """Fetch, curate, and print the result as one line of JSON."""
    manifest = land()
    options = {
        "JOB_RUN_ID": "jr_added",
        "raw_manifests": manifest.uri,
        "window_start": WINDOW_START,
        "window_end": WINDOW_END,
        "batch_id": "added",
        "catalog_database": "crypto",
        "catalog_table": "crypto_prices",
        "lake_bucket": BUCKET,
        "max_rejected_share": "0.01",
        "accepted_sources": "none",
        "row_rules": "default",
    }
    report = curate(spark(), boto3.client("s3"), boto3.client("glue"), CurationArguments.from_options(options))
    found = {
        "imported_from": [crypto_prices.__file__, crypto_prices_etl.__file__],
        "manifest": manifest.to_json(),
        "report": report.to_json(),
        "refusals": refusals(),
    }
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()
    # The JVM ends with this process. An orderly shutdown would take seconds for nothing.
    os._exit(0)


if __name__ == "__main__":
    main()
