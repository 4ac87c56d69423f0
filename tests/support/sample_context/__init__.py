"""Sample values for the templates in sql/, used by sqlfluff (``library_path`` in pyproject.toml) and by the tests."""

from datetime import date, datetime
from types import SimpleNamespace

from crypto_prices.audit.days_to_heal import MarketDay
from crypto_prices.audit.restatements import Check, Comparison
from crypto_prices.fetch.sources import source_kinds
from crypto_prices.load_terms import terms_of_run
from crypto_prices.market_sets import market_set_name
from crypto_prices.marts.refresh import Refresh
from crypto_prices.plan.expected_markets import ExpectedMarket
from crypto_prices.quality_rules import quality_rules
from crypto_prices.receipts.question import ask
from crypto_prices.templates import FILTERS, expected_candles, interval_seconds
from crypto_prices.xcom.batch import Batch
from crypto_prices.xcom.fetched_source import FetchedSource
from crypto_prices_contract.curation_report import (
    REPORT_VERSION,
    CurationReport,
    QuarantinedCandles,
    RowRuleResult,
    SourceCounts,
)
from crypto_prices_contract.data_dictionary import WAREHOUSE_TABLES
from crypto_prices_contract.load_record import Removal
from crypto_prices_contract.row_rules import Action
from crypto_prices_contract.stored_objects import StoredDocument
from crypto_prices_contract.window import Window

SQLFLUFF_JINJA_FILTERS = FILTERS
__all__ = ["expected_candles", "interval_seconds", "source_kinds"]

ti = None
params = SimpleNamespace(
    force=False,
    start="2023-12-01",
    end="2024-01-01",
    accepted_sources=["binance"],
    accepted_because="off the grid after the outage of that day",
    accepted_by=None,
)
expected = [
    ExpectedMarket("binance", "LUNC", "USDT", "1h", None, None),
    ExpectedMarket("binance", "LUNA", "USDT", "1h", date(2022, 5, 28), None),
]
names = [market.name for market in expected]
run_id, sample, audited_at = "scheduled__2024-01-08T06:00:00+00:00", 20, datetime(2024, 1, 8, 6)  # noqa: DTZ001
days = Window(date(2023, 12, 1), date(2024, 1, 1))
planned_days = [date(2018, 2, 10), date(2023, 12, 18)]
compared_markets = ["binance/BTC/USDT", "coinbase/BTC/USD"]
checks = [
    Check(MarketDay("binance", "BTC/USDT", date(2023, 12, 18)), Comparison(24, changed=1, example="it's changed")),
    Check(MarketDay("coingecko", "BTC/USD", date(2023, 12, 18)), Comparison(), "the day is too old"),
]
unit, load_total = "day", 240
window_start, window_end = "2023-12-18", "2023-12-19"
after_load, through_load, load_number, last_load = 11, 13, 12, 40
market_sets = [market_set_name(["BTC/USDT", "ETH/USDT"]), market_set_name(["BTC/USD"])]
record = SimpleNamespace(
    load_number=12,
    merged_at="2023-12-19T00:03:41Z",
    visible_at="2023-12-19T00:03:58Z",
    sources=[SimpleNamespace(source="binance", candle_interval="1h", markets=["BTC/USDT"])],
    removal=Removal("2023-12-18T05:00:00Z", "2023-12-18T07:00:00Z", 2, "admin", "the exchange's clock was wrong"),
)
market_set = market_set_name(["BTC/USDT", "ETH/USDT"])
markets = [("BTC", "USDT"), ("ETH", "USDT")]
table = WAREHOUSE_TABLES[0]
column = table.columns[0]
comments = SimpleNamespace(version=0, name=table.name)
migration = SimpleNamespace(version=8, name="008_create_load_lock.sql", checksum="c" * 64)
dag = SimpleNamespace(fileloc="dags/crypto_prices_daily.py")
dag_run = SimpleNamespace(
    dag_id="crypto_prices_daily", run_id="scheduled__2023-12-18T00:00:00+00:00", triggering_user_name="ada"
)

_WINDOW = Window.of_day(date(2023, 12, 18))
_BATCH = Batch(
    batch_id="20231218-20231219-0123456789abcdef",
    staging_table="stg_crypto_prices_0123456789abcdef",
    window_start="2023-12-18",
    window_end="2023-12-19",
    sources=[
        FetchedSource("binance", "1h", "s3://lake/raw/b/manifest.json", "b" * 64, 51, ["BTC/USDT", "ETH/USDT"], [], {}),
        FetchedSource("coinbase", "1h", "s3://lake/raw/c/manifest.json", "c" * 64, 24, ["BTC/USD"], [], {}),
    ],
)
_REPORT = CurationReport(
    report_version=REPORT_VERSION,
    window=_WINDOW,
    batch_id=_BATCH.attempt_id(1),
    job_run_id="jr_1",
    code_digest="d" * 64,
    raw_manifests=tuple(source.raw_manifest for source in _BATCH.sources),
    sources={
        "binance": SourceCounts(fetched=51, curated=48, quarantined={"off_grid": 2}, duplicates=1),
        "coinbase": SourceCounts(fetched=24, curated=24, quarantined={}, duplicates=0),
    },
    refused=(),
    copy_manifest=StoredDocument("s3://lake/curated/_manifests/jr_1/copy_manifest.json", "v1", "e" * 32, "a" * 64),
    curated_files=(),
    quarantine="s3://lake/quarantine/crypto_prices/version=jr_1/",
    days={},
    row_rules=(
        RowRuleResult("binance", "off_grid", Action.QUARANTINE, 51, 2),
        RowRuleResult("coinbase", "off_grid", Action.QUARANTINE, 24, 0),
    ),
    quarantined_candles=(QuarantinedCandles("binance", "1h", "2023-12-18 05:00:00", 2, ("BTC/USDT", "ETH/USDT")),),
)


def window(ti):
    """Stand in for the macro of the same name."""
    return _WINDOW


def fetched(ti):
    """Stand in for the macro of the same name."""
    return _BATCH.sources


def batch(ti):
    """Stand in for the macro of the same name."""
    return _BATCH


def loaded(ti):
    """Stand in for the macro of the same name."""
    return _BATCH.sources


def report(ti):
    """Stand in for the macro of the same name."""
    return _REPORT


def terms():
    """Stand in for the macro of the same name."""
    return terms_of_run(vars(params), dag_run, settings())


def dags_digest(dag):
    """Stand in for the macro of the same name."""
    return "a" * 64


def plugins_digest():
    """Stand in for the macro of the same name."""
    return "b" * 64


def settings():
    """Stand in for the macro of the same name."""
    return SimpleNamespace(
        candle_interval="1h",
        redshift_copy_role_arn="arn:aws:iam::123456789012:role/crypto-prices-redshift-copy",
        rules=quality_rules({}),
        max_rejected_share=0.01,
    )


def refresh(_ti: object) -> Refresh:
    """Return a refresh of the marts that adds one load of one day."""
    return Refresh(
        full=False,
        after_load=11,
        through_load=12,
        first_day="2023-12-18",
        end_day="2023-12-19",
        reason="new loads: 1",
    )


def marts_digest() -> str:
    """Return the digest of the marts' statements."""
    return "d" * 64


question = ask(
    market="BTC/USDT", source="binance", at="2023-12-18T13:00", candle_interval="1h", as_of="2024-01-01T00:00"
)
batch_id = "20231218-20231219-9f3c1a77be20d4e1-1"
file = "s3://crypto-prices-lake/curated/crypto_prices/version=jr_1/year=2023/month=12/day=18/part-00000.parquet"
