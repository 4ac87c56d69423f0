"""The data dictionary: the contents of each table and column of the warehouse and of the Glue catalog.

This is the only place for comments on tables and columns. ``ensure_schema`` applies them in the warehouse, ``bundle``
adds them to the Glue catalog, and ``make data-dictionary`` writes docs/reference/data-dictionary.md. Tests compare the
names, types and nullability with the real tables.

``bundle`` loads this file by its path, so it imports nothing from this package.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: The column's name.
        type: The type in Redshift, such as ``DECIMAL(38,18)``.
        meaning: The content of the column, without a full stop.
        unit: The unit of its values: a currency, UTC, a count. ``none`` for names and codes.
        source: The exchange field, task or document that the value comes from.
        null: The meaning of NULL. None if the column is NOT NULL.
    """

    name: str
    type: str
    meaning: str
    unit: str
    source: str
    null: str | None = None

    @property
    def comment(self) -> str:
        """The comment on the column. A Glue column takes at most 255 characters."""
        null = "" if self.null is None else f" NULL: {self.null}."
        return f"{self.meaning}. Type: {self.type}. Unit: {self.unit}. Source: {self.source}.{null}"


@dataclass(frozen=True)
class Table:
    """One table.

    Attributes:
        name: The table's name, without its schema or database.
        rows: The meaning of one row, without a full stop.
        source: The tasks that write the table.
        columns: The columns in order.
        is_view: Whether it is a view. Any column of a view can be NULL for the warehouse.
        schema: The schema in the warehouse.
    """

    name: str
    rows: str
    source: str
    columns: tuple[Column, ...]
    is_view: bool = False
    schema: str = "crypto"

    @property
    def title(self) -> str:
        """The name in the data dictionary: with the schema, unless it is ``crypto``."""
        return self.name if self.schema == "crypto" else f"{self.schema}.{self.name}"

    @property
    def comment(self) -> str:
        """The comment on the table."""
        return f"{self.rows}. Source: {self.source}."


_PRICE = "DECIMAL(38,18)"
_PRICE_UNIT = "quote currency per unit of base currency"
_SHA256_UNIT = "64 hexadecimal digits"
_NO_CANDLES = "the source has prices, but no candles (CoinGecko)"
_NOT_GIVEN = "the source does not give it"

_SOURCE = Column("source", "VARCHAR(32)", "Exchange API, such as binance", "none", "raw manifest")
_SYMBOL = Column("symbol", "VARCHAR(32)", "Base currency of the market, such as BTC", "none", "raw manifest")
_QUOTE = Column("quote_currency", "VARCHAR(16)", "Currency of the prices, such as USDT", "none", "raw manifest")
_INTERVAL = Column(
    "candle_interval", "VARCHAR(8)", "Length of a candle, such as 1h", "seconds, minutes, hours or a day", "settings"
)

CURATED_COLUMNS: tuple[Column, ...] = (
    _SOURCE,
    _SYMBOL,
    _QUOTE,
    _INTERVAL,
    Column(
        "observed_at",
        "TIMESTAMP",
        "Opening time of the candle",
        "UTC",
        "open time (exchanges); time of the price, rounded down to the interval (CoinGecko)",
    ),
    Column(
        "open_price",
        _PRICE,
        "First price of the candle",
        _PRICE_UNIT,
        "open (exchanges); price (CoinGecko)",
        _NOT_GIVEN,
    ),
    Column("high_price", _PRICE, "Highest price of the candle", _PRICE_UNIT, "high (exchanges)", _NO_CANDLES),
    Column("low_price", _PRICE, "Lowest price of the candle", _PRICE_UNIT, "low (exchanges)", _NO_CANDLES),
    Column("close_price", _PRICE, "Last price of the candle", _PRICE_UNIT, "close (exchanges)", _NO_CANDLES),
    Column(
        "base_volume",
        _PRICE,
        "Amount traded during the candle",
        "base currency",
        "volume (exchanges)",
        _NO_CANDLES,
    ),
    Column(
        "quote_volume",
        _PRICE,
        "Value of the amount traded during the candle",
        "quote currency",
        "quote asset volume (Binance)",
        _NOT_GIVEN,
    ),
    Column(
        "trade_count",
        "BIGINT",
        "Number of trades during the candle",
        "count",
        "number of trades (Binance)",
        _NOT_GIVEN,
    ),
    Column(
        "market_cap",
        "DECIMAL(38,8)",
        "Market capitalization of the base currency at the time of the price, rounded to 8 decimal places",
        "quote currency",
        "market_caps (CoinGecko)",
        _NOT_GIVEN,
    ),
    Column("raw_object", "VARCHAR(1024)", "S3 URI of the raw response with the candle", "none", "raw manifest"),
    Column("ingested_at", "TIMESTAMP", "Time when the raw response arrived", "UTC", "raw manifest"),
    Column(
        "batch_id",
        "VARCHAR(128)",
        "Load that wrote the row. Joins crypto.etl_metadata together with source",
        "none",
        "curate_prices",
    ),
)
"""The columns of the curated Parquet files, which are also those of the staging tables."""

PARTITION_COLUMNS: tuple[Column, ...] = (
    Column("year", "VARCHAR(4)", "Year of observed_at, four digits", "year in UTC", "observed_at"),
    Column("month", "VARCHAR(2)", "Month of observed_at, two digits", "month in UTC", "observed_at"),
    Column("day", "VARCHAR(2)", "Day of the month of observed_at, two digits", "day in UTC", "observed_at"),
)
"""The partition keys of the table in the Glue catalog. They are not in the files."""

CATALOG_TABLE = Table(
    "crypto_prices",
    "One row per candle: source, market, candle interval and opening time. The location of a partition is a complete, "
    "checked version of its day",
    "files from curate_prices, partitions from publish_partitions",
    CURATED_COLUMNS + PARTITION_COLUMNS,
)

_VALID_FROM_LOAD = Column(
    "valid_from_load",
    "BIGINT",
    "Load that gave the candle these values. Later loads confirmed them. 0: before the log. Joins crypto.load_log",
    "none",
    "merge_into_fact",
)

FACT_COLUMNS: tuple[Column, ...] = (*CURATED_COLUMNS, _VALID_FROM_LOAD)
"""The columns of the fact table. The last one is not in the files."""

_GAP_SOURCE = "merge_into_fact, plan_load or remove_candles"
_LOG_SOURCE = "merge_into_fact or remove_candles"
_REMOVAL = "a removal"
_LOAD = "a load"
_AUDIT = "plan_healing"
_EXPECTED = "plan_load or plan_healing"
_VIEW = "the view's tables"
_CURATION_REPORT = "curation report of the Glue job"
_NOT_COUNTED = "not counted by the merge"

WAREHOUSE_TABLES: tuple[Table, ...] = (
    Table(
        "schema_migrations",
        "One row per applied migration, and one per table with comments",
        "ensure_schema",
        (
            Column(
                "version",
                "INTEGER",
                "Number of the migration. 0 for the comments on a table",
                "none",
                "name of the file in sql/migrations/",
            ),
            Column(
                "name",
                "VARCHAR(128)",
                "File name of the migration, or name of the table with the comments",
                "none",
                "name of the file in sql/migrations/",
            ),
            Column(
                "checksum",
                "VARCHAR(64)",
                "SHA-256 of the migration or of the comments when they were applied",
                _SHA256_UNIT,
                "ensure_schema",
            ),
            Column("applied_at", "TIMESTAMP", "Time when they were applied", "UTC", "ensure_schema"),
        ),
    ),
    Table(
        "stg_crypto_prices",
        "Always empty. Each load creates its own staging table with these columns",
        "copy_to_staging copies the columns",
        CURATED_COLUMNS,
    ),
    Table(
        "fact_crypto_prices",
        "One row per candle: source, market, candle interval and opening time",
        "merge_into_fact",
        FACT_COLUMNS,
    ),
    Table(
        "price_versions",
        "One row per former version of a candle: the values that a load changed or removed. Rows are only added",
        "merge_into_fact or remove_candles",
        (
            *CURATED_COLUMNS,
            _VALID_FROM_LOAD,
            Column(
                "valid_to_load",
                "BIGINT",
                "Load that changed or removed the values. They were valid just before it. Joins crypto.load_log",
                "none",
                "merge_into_fact or remove_candles",
            ),
            Column(
                "closed_as",
                "VARCHAR(8)",
                "changed: the load has other values. removed: it has no candle",
                "none",
                "merge_into_fact or remove_candles",
            ),
        ),
    ),
    Table(
        "price_history",
        "One row per version of a candle, the present one included. As of a time, the warehouse held the rows with "
        "known_at <= time and no replaced_at or replaced_at > time. The present version has no valid_to_load",
        "fact_crypto_prices, price_versions and load_log",
        (
            *CURATED_COLUMNS,
            _VALID_FROM_LOAD,
            Column("valid_to_load", "BIGINT", "As in price_versions", "none", _VIEW, "the present version"),
            Column("closed_as", "VARCHAR(8)", "As in price_versions", "none", _VIEW, "the present version"),
            Column(
                "replaced_at",
                "TIMESTAMP",
                "visible_at of the load that changed or removed the values",
                "UTC",
                _VIEW,
                "the present version, or the load that replaced it is not known yet to be committed",
            ),
            Column(
                "known_at",
                "TIMESTAMP",
                "visible_at of the load that gave the values",
                "UTC",
                _VIEW,
                "not known yet to be committed",
            ),
        ),
        is_view=True,
    ),
    Table(
        "restatements",
        "One row per value of a candle that a load or a removal changed after it was loaded",
        "price_versions, fact_crypto_prices and load_log",
        (
            *CURATED_COLUMNS[:5],
            Column("changed_column", "VARCHAR(16)", "Column that changed, such as close_price", "none", _VIEW),
            Column(
                "old_value", "VARCHAR(64)", "Value before, exact", "unit of the column", _VIEW, "there was no value"
            ),
            Column(
                "new_value", "VARCHAR(64)", "Value after, exact", "unit of the column", _VIEW, "no value, or no candle"
            ),
            Column("closed_as", "VARCHAR(8)", "As in price_versions", "none", _VIEW),
            Column("old_load", "BIGINT", "Load that gave the old value. Joins crypto.load_log", "none", _VIEW),
            Column("new_load", "BIGINT", "Load or removal that changed it. Joins crypto.load_log", "none", _VIEW),
            Column("batch_id", "VARCHAR(128)", "Batch of new_load", "none", _VIEW),
            Column("merged_at", "TIMESTAMP", "Time of new_load, before its commit", "UTC", _VIEW),
            Column("visible_at", "TIMESTAMP", "visible_at of new_load", "UTC", _VIEW, "not known yet"),
            Column("removed_by", "VARCHAR(256)", "As in load_log", "none", _VIEW, _LOAD),
            Column("removed_because", "VARCHAR(2000)", "As in load_log", "none", _VIEW, _LOAD),
            Column(
                "difference",
                "DOUBLE PRECISION",
                "New value minus old value",
                "unit of the column",
                _VIEW,
                "one of them is missing",
            ),
            Column(
                "change_share",
                "DOUBLE PRECISION",
                "difference divided by the old value",
                "share, 0.5 is 50 %",
                _VIEW,
                "a value is missing, or the old value is 0",
            ),
        ),
        is_view=True,
    ),
    Table(
        "load_log",
        "One row per load and source, in the order of the merges, and one per removal. Rows are never deleted. "
        "etl_metadata has the counts of the loads that still matter",
        "merge_into_fact or remove_candles, and the next load or record_load for visible_at",
        (
            Column(
                "load_number",
                "BIGINT",
                "Number of the merge or removal. A later one has a higher number. No two ever have the same",
                "none",
                _LOG_SOURCE,
            ),
            replace(_SOURCE, source="settings"),
            Column(
                "batch_id",
                "VARCHAR(128)",
                "Batch of the load. A removal has removal- and its number",
                "none",
                _LOG_SOURCE,
            ),
            Column("window_start", "DATE", "First day of the window", "day in UTC", "resolve_window"),
            Column("window_end", "DATE", "Day after the last day of the window", "day in UTC", "resolve_window"),
            Column(
                "market_set",
                "VARCHAR(64)",
                "Set of the markets that were replaced. Joins crypto.market_sets",
                _SHA256_UNIT,
                "fetch_prices",
            ),
            _INTERVAL,
            Column("fetched_at", "TIMESTAMP", "Time when the last response arrived", "UTC", "raw manifest", _REMOVAL),
            Column("merged_at", "TIMESTAMP", "Time of the merge, before its commit", "UTC", _LOG_SOURCE),
            Column(
                "visible_at",
                "TIMESTAMP",
                "Time from which readers are known to see the load: at or after its commit, never before. Set once",
                "UTC",
                "record_load or the next load",
                "not known yet",
            ),
            Column("forced", "BOOLEAN", "Whether the run had the parameter force", "none", "parameters of the run"),
            Column("raw_manifest", "VARCHAR(1024)", "S3 URI of the raw manifest", "none", "fetch_prices", _REMOVAL),
            Column(
                "content_hash",
                "VARCHAR(64)",
                "SHA-256 of the requests and responses. Equal for equal content",
                _SHA256_UNIT,
                "raw manifest",
                _REMOVAL,
            ),
            Column(
                "copy_manifest",
                "VARCHAR(1024)",
                "S3 URI of the manifest that COPY loaded",
                "none",
                _CURATION_REPORT,
                _REMOVAL,
            ),
            Column(
                "glue_job_run_id",
                "VARCHAR(255)",
                "Glue job run that curated the load",
                "none",
                "curate_prices",
                _REMOVAL,
            ),
            Column("dag_id", "VARCHAR(250)", "DAG of the load", "none", "Airflow", _REMOVAL),
            Column("run_id", "VARCHAR(250)", "DAG run of the load", "none", "Airflow", _REMOVAL),
            Column("dags_digest", "VARCHAR(64)", "Digest of dags/", _SHA256_UNIT, "merge_into_fact", _REMOVAL),
            Column("plugins_digest", "VARCHAR(64)", "Digest of plugins/", _SHA256_UNIT, "merge_into_fact", _REMOVAL),
            Column(
                "glue_digest", "VARCHAR(64)", "Digest of the Glue job's code", _SHA256_UNIT, _CURATION_REPORT, _REMOVAL
            ),
            Column("rules", "VARCHAR(4096)", "Quality rules in force, as JSON", "none", "settings", _REMOVAL),
            Column(
                "accepted_by",
                "VARCHAR(256)",
                "User who accepted that too many records were rejected",
                "none",
                "Airflow",
                "not accepted",
            ),
            Column(
                "accepted_because",
                "VARCHAR(2000)",
                "Reason of that user",
                "none",
                "parameters of the run",
                "not accepted",
            ),
            Column(
                "rebuilt_from",
                "VARCHAR(16)",
                "record: a rebuild replayed the load, so its Glue run is new. manifest: a rebuild without load records "
                "guessed the load",
                "none",
                "merge_into_fact",
                "a load from the exchange",
            ),
            Column("removed_by", "VARCHAR(256)", "User who removed candles", "none", "remove_candles", _LOAD),
            Column("removed_because", "VARCHAR(2000)", "Reason of that user", "none", "remove_candles", _LOAD),
        ),
    ),
    Table(
        "etl_metadata",
        "One row per load and source, with the counts of the load and the rows that it owns. A cleared run replaces "
        "the row of its earlier attempt. load_log has every load",
        "merge_into_fact, and record_load for recorded_at",
        (
            Column(
                "batch_id",
                "VARCHAR(128)",
                "Load. Joins crypto.fact_crypto_prices together with source",
                "none",
                "curate_prices",
            ),
            replace(_SOURCE, source="settings"),
            _INTERVAL,
            Column("window_start", "DATE", "First day of the window", "day in UTC", "resolve_window"),
            Column("window_end", "DATE", "Day after the last day of the window", "day in UTC", "resolve_window"),
            Column(
                "market_set",
                "VARCHAR(64)",
                "Set of the requested markets. Joins crypto.market_sets",
                _SHA256_UNIT,
                "fetch_prices",
            ),
            Column("market_total", "BIGINT", "Number of requested markets", "count", "fetch_prices"),
            Column(
                "content_hash",
                "VARCHAR(64)",
                "SHA-256 of the requests and responses. Equal for equal content",
                _SHA256_UNIT,
                "raw manifest",
            ),
            Column("raw_manifest", "VARCHAR(1024)", "S3 URI of the raw manifest", "none", "fetch_prices"),
            Column("glue_job_run_id", "VARCHAR(255)", "Glue job run that curated the load", "none", "curate_prices"),
            Column(
                "copy_manifest", "VARCHAR(1024)", "S3 URI of the manifest that COPY loaded", "none", _CURATION_REPORT
            ),
            Column("dag_id", "VARCHAR(250)", "DAG of the load", "none", "Airflow"),
            Column("run_id", "VARCHAR(250)", "DAG run of the load", "none", "Airflow"),
            Column(
                "status",
                "VARCHAR(16)",
                "loaded if the curated, staged and merged counts are equal, otherwise merged",
                "none",
                "merge_into_fact",
            ),
            Column(
                "rows_fetched", "BIGINT", "Records in the raw responses and in the window", "count", _CURATION_REPORT
            ),
            Column(
                "rows_quarantined", "BIGINT", "Records that broke a rule and were left out", "count", _CURATION_REPORT
            ),
            Column("rows_duplicate", "BIGINT", "Records that repeat another record", "count", _CURATION_REPORT),
            Column("rows_curated", "BIGINT", "Records that became curated rows", "count", _CURATION_REPORT),
            Column("rows_staged", "BIGINT", "Rows in the staging table", "count", "merge_into_fact", _NOT_COUNTED),
            Column(
                "rows_merged",
                "BIGINT",
                "Rows of the load in the fact table right after the merge",
                "count",
                "merge_into_fact",
                _NOT_COUNTED,
            ),
            Column(
                "rows_in_window",
                "BIGINT",
                "Rows of the requested markets in the window right after the merge, whichever load wrote them",
                "count",
                "merge_into_fact",
                _NOT_COUNTED,
            ),
            Column(
                "rows_removed",
                "BIGINT",
                "Rows of earlier loads that the merge deleted, because this load does not have them",
                "count",
                "merge_into_fact",
                _NOT_COUNTED,
            ),
            Column(
                "rows_owned",
                "BIGINT",
                "Rows of the load that no later load has replaced",
                "count",
                "merge_into_fact of this load and of later ones",
                "no later load has changed the number. rows_merged applies",
            ),
            Column(
                "load_number",
                "BIGINT",
                "Number of the merge. A later merge has a higher number. No two loads ever have the same number",
                "none",
                "merge_into_fact",
                "not assigned by the merge",
            ),
            Column(
                "fetched_at",
                "TIMESTAMP",
                "Time when the last response arrived. The load that was fetched last wins",
                "UTC",
                "raw manifest",
                "unknown. The load counts as the earliest",
            ),
            Column("loaded_at", "TIMESTAMP", "Time of the merge", "UTC", "merge_into_fact"),
            Column(
                "recorded_at",
                "TIMESTAMP",
                "Time when the load was recorded as published in the Glue catalog",
                "UTC",
                "record_load",
                "not published",
            ),
            Column(
                "accepted_by",
                "VARCHAR(256)",
                "User who accepted that records of the source were rejected, however many",
                "none",
                "Airflow",
                "no one accepted rejected records",
            ),
            Column(
                "accepted_because",
                "VARCHAR(2000)",
                "Reason of that user",
                "none",
                "parameter accepted_because of the run",
                "no one accepted rejected records",
            ),
        ),
    ),
    Table(
        "candle_gaps",
        "One row per range of consecutive candles of a market that are missing from crypto.fact_crypto_prices for the "
        "same reason. Ranges of a market do not overlap",
        _GAP_SOURCE,
        (
            replace(_SOURCE, source="settings"),
            replace(_SYMBOL, source="settings"),
            replace(_QUOTE, source="settings"),
            _INTERVAL,
            Column("starts_at", "TIMESTAMP", "Opening time of the first missing candle", "UTC", _GAP_SOURCE),
            Column("ends_at", "TIMESTAMP", "Opening time of the candle after the last missing one", "UTC", _GAP_SOURCE),
            Column("candles", "BIGINT", "Number of missing candles", "count", _GAP_SOURCE),
            Column(
                "reason",
                "VARCHAR(16)",
                "not_listed: the market has no candle in the month before. no_trade: the exchange left the candle out. "
                "empty_response: the request for the candle had an empty response twice. empty_day: the exchange sent "
                "no candle of the market on that day. venue_down: no market of the source has a candle at that time. "
                "quarantined: a record of that time broke a rule. removed: a user removed the candle, and no load has "
                "brought it back",
                "none",
                _GAP_SOURCE,
            ),
            Column(
                "noted_at",
                "TIMESTAMP",
                "Time when a load or a removal last added candles to the range",
                "UTC",
                _GAP_SOURCE,
            ),
        ),
    ),
    Table(
        "missing_candles",
        "One row per day, market and reason, with the number of missing candles, for every day until yesterday. Days "
        "that no load has are included",
        "candle_gaps, etl_metadata, market_sets and expected_markets",
        (
            Column("observed_on", "DATE", "Day of the missing candles", "UTC", _VIEW),
            replace(_SOURCE, source=_VIEW),
            replace(_SYMBOL, source=_VIEW),
            replace(_QUOTE, source=_VIEW),
            replace(_INTERVAL, source=_VIEW),
            Column(
                "reason",
                "VARCHAR(16)",
                "As in candle_gaps. unfetched: no load has the day of the market",
                "none",
                _VIEW,
            ),
            Column("candles", "BIGINT", "Number of missing candles", "count", _VIEW),
        ),
        is_view=True,
    ),
    Table(
        "expected_markets",
        "One row per market of the settings, and period in which its exchange used the name",
        _EXPECTED,
        (
            replace(_SOURCE, source="settings"),
            replace(_SYMBOL, source="settings"),
            replace(_QUOTE, source="settings"),
            _INTERVAL,
            Column("used_from", "DATE", "First day of the name", "UTC", _EXPECTED, "it has no beginning"),
            Column("used_until", "DATE", "First day after the name's use", "UTC", _EXPECTED, "it has no end"),
            Column("noted_at", "TIMESTAMP", "Time when the row was written", "UTC", _EXPECTED),
        ),
    ),
    Table(
        "restatement_checks",
        "One row per audit and day of a market that the audit fetched again and compared with the fact table",
        _AUDIT,
        (
            Column("run_id", "VARCHAR(250)", "Run of crypto_prices_audit", "none", "Airflow"),
            Column("audited_at", "TIMESTAMP", "Time when the run was due", "UTC", "Airflow"),
            replace(_SOURCE, source=_AUDIT),
            replace(_SYMBOL, source=_AUDIT),
            replace(_QUOTE, source=_AUDIT),
            _INTERVAL,
            Column("observed_on", "DATE", "Compared day", "UTC", _AUDIT),
            Column(
                "status",
                "VARCHAR(16)",
                "same: the exchange sends the loaded candles. differs: it sends others, and the audit has the day "
                "loaded again. refused: it refuses the request. kept: a user keeps the loaded candles",
                "none",
                _AUDIT,
            ),
            Column("candles_compared", "BIGINT", "Candles that the exchange sent or that were loaded", "count", _AUDIT),
            Column("candles_changed", "BIGINT", "Candles with another value", "count", _AUDIT),
            Column("candles_added", "BIGINT", "Candles that were not loaded", "count", _AUDIT),
            Column("candles_vanished", "BIGINT", "Loaded candles that the exchange no longer sends", "count", _AUDIT),
            Column(
                "detail", "VARCHAR(1000)", "First difference, or the refusal", "none", _AUDIT, "there is no difference"
            ),
            Column("checked_at", "TIMESTAMP", "Time of the comparison", "UTC", _AUDIT),
        ),
    ),
    Table(
        "data_quality_results",
        "One row per load and data quality rule: per source for a rule on records, per market for a rule on candles",
        "merge_into_fact",
        (
            Column(
                "batch_id",
                "VARCHAR(128)",
                "Checked load. Joins crypto.etl_metadata together with source",
                "none",
                "curate_prices",
            ),
            replace(_SOURCE, source="settings"),
            Column(
                "market",
                "VARCHAR(64)",
                "Market, such as BTC/USDT",
                "none",
                "plan_load",
                "a rule on records, which checks the source as a whole",
            ),
            Column("rule_name", "VARCHAR(64)", "Rule, such as completeness", "none", "settings"),
            Column("rule_action", "VARCHAR(16)", "Action of the rule: fail, quarantine or warn", "none", "settings"),
            Column(
                "threshold",
                "DOUBLE PRECISION",
                "Smallest share of expected candles (completeness) or largest change of the price (price_jump)",
                "share, 0.5 is 50 %",
                "settings",
                "a rule on records, which has no threshold",
            ),
            Column(
                "checked",
                "BIGINT",
                "Checked records (rules on records), expected candles (completeness) or price changes (price_jump)",
                "count",
                f"{_CURATION_REPORT} or merge_into_fact",
            ),
            Column(
                "broken",
                "BIGINT",
                "Records, missing candles or price changes that break the rule",
                "count",
                f"{_CURATION_REPORT} or merge_into_fact",
            ),
            Column(
                "status",
                "VARCHAR(16)",
                "Result: passed, warned, quarantined or failed",
                "none",
                "merge_into_fact",
            ),
            Column("assessed_at", "TIMESTAMP", "Time when the result was written", "UTC", "merge_into_fact"),
        ),
    ),
    Table(
        "market_sets",
        "One row per set of requested markets and market. Sets never change",
        "plan_load",
        (
            Column(
                "market_set",
                "VARCHAR(64)",
                "SHA-256 of the set's markets, such as BTC/USDT, sorted and separated by line feeds",
                _SHA256_UNIT,
                "fetch_prices",
            ),
            replace(_SYMBOL, source="fetch_prices"),
            replace(_QUOTE, source="fetch_prices"),
        ),
    ),
    Table(
        "load_lock",
        "Always empty. Every writer of the fact table or its metadata locks this table first",
        "none",
        (Column("holder", "VARCHAR(128)", "Never written", "none", "none", "always, because the table is empty"),),
    ),
    Table(
        "load_counter",
        "One row with the number of the newest load. Only the holder of the load lock changes it",
        "merge_into_fact",
        (
            Column(
                "last_load_number",
                "BIGINT",
                "load_number of the newest load. A number is never used again",
                "none",
                "merge_into_fact",
                "never",
            ),
        ),
    ),
)
"""The tables of the schema ``crypto``. The staging tables of the loads are not listed."""
