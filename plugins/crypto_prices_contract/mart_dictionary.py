"""The data dictionary of the marts and of the views for analysts. Each column's source is its formula."""

from __future__ import annotations

from dataclasses import replace

from crypto_prices_contract.data_dictionary import Column, Table

VIEWS_SCHEMA = "crypto_views"

_PRICE = "DECIMAL(38,18)"
_DOUBLE = "DOUBLE PRECISION"
_PRICE_UNIT = "quote currency per unit of base currency"
_USD_UNIT = "US dollars per unit"
_BPS = "basis points"
_RATIO = "1 is 100 %"
_REFRESH = "refresh_marts"

_SOURCE = Column("source", "VARCHAR(32)", "Exchange API, such as binance", "none", "fact_crypto_prices")
_SYMBOL = Column("symbol", "VARCHAR(32)", "Base currency of the market, such as BTC", "none", "fact_crypto_prices")
_QUOTE = Column("quote_currency", "VARCHAR(16)", "Currency of the prices, such as USDT", "none", "fact_crypto_prices")
_KEY = (_SOURCE, _SYMBOL, _QUOTE)
_PRICE_DATE = Column("price_date", "DATE", "Day of the prices", "day in UTC", "day of observed_at")
_HOUR_END = Column("hour_end", "TIMESTAMP", "Time of the price: a whole hour", "UTC", "end of the candle")
_THROUGH_LOAD = Column(
    "through_load",
    "BIGINT",
    "Newest load that the refresh knew which calculated the row. The only column that depends on the order of loads",
    "load_number of load_log",
    _REFRESH,
)
_INTERVAL = Column(
    "candle_interval",
    "VARCHAR(8)",
    "Length of the candles of the day, such as 1h",
    "seconds, minutes, hours or a day",
    "the interval whose candles cover most seconds of the day; the shortest of several",
)
_NO_MINIMUM_30 = "fewer than 27 of the 30 days have one"
_NO_MINIMUM_90 = "fewer than 81 of the 90 days have one"
_LARGEST_SUM = "9 * 10^19"
_LARGEST_COUNT = "9 * 10^18"
_LARGEST_TERM = "9 * 10^25"
_LARGEST_CLOSE = "10^18"
_NO_RETURN = "there is no row of the day before, or one of both days lacks its last candle, a trade or a positive close"


def _bar_prices(first: str, last: str) -> tuple[Column, ...]:
    return (
        Column("open_price", _PRICE, "First price", _PRICE_UNIT, f"open_price of the first {first}", "not given"),
        Column("high_price", _PRICE, "Highest price", _PRICE_UNIT, "MAX(high_price)", "not given"),
        Column("low_price", _PRICE, "Lowest price", _PRICE_UNIT, "MIN(low_price)", "not given"),
        Column("close_price", _PRICE, "Last price", _PRICE_UNIT, f"close_price of the last {last}"),
    )


def _volumes(part: str, parts: str) -> tuple[Column, ...]:
    """Return the columns of a bar that are sums. A sum that might not fit into its type is NULL."""

    def null(limit: str) -> str:
        return f"a {part} lacks it, or one value times {parts} reaches {limit}"

    return (
        Column("base_volume", _PRICE, "Amount traded", "base currency", "SUM(base_volume)", null(_LARGEST_SUM)),
        Column(
            "quote_volume",
            _PRICE,
            "Value of the amount traded",
            "quote currency",
            "SUM(quote_volume)",
            null(_LARGEST_SUM),
        ),
        Column("trade_count", "BIGINT", "Number of trades", "count", "SUM(trade_count)", null(_LARGEST_COUNT)),
    )


_DAILY_REST = (
    *_volumes("candle", "expected_candles"),
    Column(
        "vwap",
        _DOUBLE,
        "Average price of the day, weighted by volume",
        _PRICE_UNIT,
        "SUM(quote_volume) / SUM(base_volume), or SUM((high_price + low_price + close_price) / 3 * base_volume) / "
        "SUM(base_volume)",
        "nothing was traded, base_volume is NULL, or quote_volume is NULL and a candle lacks its high or low or has a "
        f"value that times expected_candles reaches {_LARGEST_TERM}",
    ),
    Column(
        "vwap_method",
        "VARCHAR(8)",
        "exact: from the quote volume. typical: from the mean of high, low and close of each candle, rounded to 12 "
        "decimal places",
        "none",
        "exact if quote_volume is not NULL",
        "vwap is NULL",
    ),
    Column("candles", "BIGINT", "Number of candles", "count", "COUNT(*)"),
    Column("expected_candles", "BIGINT", "Number of candles of a whole day", "count", "86400 s / candle_interval"),
    Column("traded_candles", "BIGINT", "Number of candles with a trade", "count", "candles with base_volume > 0"),
    Column("is_complete", "BOOLEAN", "Whether no candle is missing", "none", "candles = expected_candles"),
    Column(
        "return_1d", _DOUBLE, "Return since the day before", _RATIO, "close / close of the day before - 1", _NO_RETURN
    ),
    Column(
        "log_return",
        "DECIMAL(18,12)",
        "Logarithmic return since the day before, rounded so that sums of it are exact",
        "natural logarithm",
        "ROUND(LN(close / close of the day before), 12)",
        _NO_RETURN,
    ),
    _THROUGH_LOAD,
)

_STATISTICS = (
    *(
        Column(
            f"sma_{days}",
            _DOUBLE,
            f"Simple moving average: mean close of the {days} days that end with this one",
            _PRICE_UNIT,
            f"SUM(close_price) / COUNT(close_price) over {days} days",
            f"{missing}, or one is {_LARGEST_CLOSE} or more",
        )
        for days, missing in ((30, _NO_MINIMUM_30), (90, _NO_MINIMUM_90))
    ),
    *(
        Column(
            f"returns_{days}",
            "BIGINT",
            f"Number of log returns in the {days} days that end with this one",
            "count",
            f"COUNT(log_return) over {days} days",
        )
        for days in (30, 90)
    ),
    *(
        Column(
            f"volatility_{days}",
            _DOUBLE,
            f"Annualized volatility of the {days} days that end with this one. Crypto trades on 365 days a year",
            _RATIO,
            f"SQRT(365 * (SUM(r * r) - SUM(r) * SUM(r) / n) / (n - 1)) with r = log_return and n = returns_{days}",
            missing,
        )
        for days, missing in ((30, _NO_MINIMUM_30), (90, _NO_MINIMUM_90))
    ),
    Column(
        "drawdown_365",
        _DOUBLE,
        "Distance of the close from the highest close of the 365 days that end with this one",
        _RATIO,
        "close / MAX(close) over 365 days - 1",
        "no close of these days is positive",
    ),
)

_RATE = (
    Column(
        "rate",
        _DOUBLE,
        "Rate of the quote currency in US dollars. It is never assumed to be 1",
        "US dollars",
        "median of the closes of the exchanges' markets of the currency in US dollars; 1 for USD",
        "method is neither usd, median nor weak",
    ),
    Column(
        "method",
        "VARCHAR(16)",
        "usd: 1. median: of three or more exchanges. weak: the mean of two exchanges within 50 basis points. "
        "two_venues_apart, one_venue, no_venue: no rate",
        "none",
        "venues and spread_bps",
    ),
    Column("venues", "BIGINT", "Number of exchanges with a rate", "count", "COUNT of the rates"),
    Column(
        "spread_bps", _DOUBLE, "Distance of the rates", _BPS, "(MAX - MIN) / median * 10000", "no exchange has a rate"
    ),
    _THROUGH_LOAD,
)

_VENUE = (
    Column(
        "candle_interval",
        "VARCHAR(8)",
        "Length of the candle that ends then",
        "minutes, hours or a day",
        "the longest one of at most an hour; otherwise the shortest",
    ),
    Column("price", _PRICE, "Close of the candle that ends then", _PRICE_UNIT, "close_price"),
    Column("base_volume", _PRICE, "Amount traded during the candle", "base currency", "base_volume", "not given"),
    Column(
        "usd_rate",
        _DOUBLE,
        "Rate of the quote currency from the other exchanges. It can differ from crypto.quote_rates, which includes "
        "this one",
        "US dollars",
        "as rate in quote_rates, without this source",
        "there is no such rate, or the candle is left out before its rate is looked up",
    ),
    Column("usd_price", _DOUBLE, "Price in US dollars", _USD_UNIT, "price * usd_rate", "usd_rate is NULL"),
    Column(
        "deviation_bps",
        _DOUBLE,
        "Distance from the consensus",
        _BPS,
        "(usd_price / consensus price - 1) * 10000",
        "one of the prices is NULL",
    ),
    Column(
        "deviates",
        "BOOLEAN",
        "Whether the distance is more than 50 basis points. A price counts even if it deviates",
        "none",
        "ABS(deviation_bps) > 50",
        "deviation_bps is NULL",
    ),
    Column("counts", "BOOLEAN", "Whether the consensus includes the price", "none", "left_out IS NULL"),
    Column("is_weak", "BOOLEAN", "Whether the rate comes from only two exchanges", "none", "the rate's method is weak"),
    Column(
        "left_out",
        "VARCHAR(16)",
        "Why the price does not count. aggregator, unknown_source: not an exchange (CoinGecko has no row, because its "
        "prices have no close). long_candle: longer than an hour. no_trade, no_price: no volume or no positive "
        "price. no_rate. other_market: another market of the source "
        "counts",
        "none",
        "the first reason that applies",
        "it counts",
    ),
    _THROUGH_LOAD,
)

_CONSENSUS = (
    Column(
        "price",
        _DOUBLE,
        "Consensus of the exchanges: the unweighted median of the prices that count, one per exchange",
        _USD_UNIT,
        "median of usd_price in venue_prices",
        "status is none",
    ),
    Column(
        "status",
        "VARCHAR(8)",
        "ok: three or more exchanges. weak: two exchanges within 50 basis points, or a weak rate. none: no price",
        "none",
        "venues, spread_bps and the rates",
    ),
    Column(
        "reason",
        "VARCHAR(16)",
        "Why the status is not ok: weak_rate, two_venues, two_venues_apart, one_venue or no_venue",
        "none",
        "venues, spread_bps and the rates",
        "status is ok",
    ),
    Column("venues", "BIGINT", "Number of exchanges that count", "count", "COUNT of the prices that count"),
    Column("spread_bps", _DOUBLE, "Distance of the prices", _BPS, "(MAX - MIN) / median * 10000", "no price counts"),
    _THROUGH_LOAD,
)

_DIMENSION_SOURCE = (
    replace(_SOURCE, source="the bundle's sources"),
    Column(
        "kind",
        "VARCHAR(16)",
        "exchange: its prices come from its own trades. aggregator: its prices are averages over exchanges",
        "none",
        "is_aggregator of the source's class",
    ),
)
_DIMENSION_ASSET = (
    Column("asset", "VARCHAR(32)", "Name of the asset, such as BTC", "none", "daily_prices, and a list in sql/marts/"),
    Column(
        "kind",
        "VARCHAR(16)",
        "coin, stablecoin, wrapped (a claim on another asset) or fiat",
        "none",
        "the list in sql/marts/; otherwise coin",
    ),
)

_MARTS = (
    Table(
        "daily_prices",
        "One row per market and UTC day with a candle that has a close",
        _REFRESH,
        (
            *_KEY,
            _PRICE_DATE,
            _INTERVAL,
            *_bar_prices("candle", "candle"),
            Column("close_observed_at", "TIMESTAMP", "Opening time of the last candle", "UTC", "MAX(observed_at)"),
            *_DAILY_REST,
        ),
    ),
    Table(
        "price_statistics",
        "One row per row of crypto.daily_prices, with statistics of the days that end with it",
        _REFRESH,
        (*_KEY, _PRICE_DATE, *_STATISTICS, _THROUGH_LOAD),
    ),
    Table(
        "quote_rates",
        "One row per hour and quote currency of a market that has a price then",
        _REFRESH,
        (_QUOTE, _HOUR_END, *_RATE),
    ),
    Table(
        "venue_prices",
        "One row per hour and market with a candle that has a close and ends then. CoinGecko's prices have no close",
        _REFRESH,
        (*_KEY, _HOUR_END, *_VENUE),
    ),
    Table(
        "consensus_prices",
        "One row per hour and symbol of a market that has a price then. Nothing is carried forward",
        _REFRESH,
        (_SYMBOL, _HOUR_END, *_CONSENSUS),
    ),
    Table("sources", "One row per source that the bundle knows", _REFRESH, _DIMENSION_SOURCE),
    Table("assets", "One row per asset", _REFRESH, _DIMENSION_ASSET),
    Table(
        "mart_state",
        "One row: what the marts contain",
        _REFRESH,
        (
            Column(
                "through_load",
                "BIGINT",
                "The marts contain the loads up to this one",
                "load_number of load_log",
                _REFRESH,
                "never",
            ),
            Column(
                "marts_digest",
                "VARCHAR(64)",
                "SHA-256 of the statements and dimensions of the last refresh. Empty before the first one, and after "
                "one of some days with other statements than the remaining days have",
                "64 hexadecimal digits",
                "plan_refresh",
                "never",
            ),
            Column("refreshed_at", "TIMESTAMP", "Time of the last refresh", "UTC", _REFRESH, "there was none"),
        ),
    ),
    Table(
        "mart_lock",
        "Always empty. Every refresh of the marts locks this table first",
        "none",
        (Column("holder", "VARCHAR(128)", "Never written", "none", "none", "always, because the table is empty"),),
    ),
)


def _closes_at(source: str) -> Column:
    return Column(
        "closes_at", "TIMESTAMP", "Time when the values of the row were complete. Use it to join and to filter", "UTC",
        source,
    )  # fmt: skip


def _view(name: str, rows: str, source: str, *columns: Column) -> Table:
    return Table(name, rows, source, columns, is_view=True, schema=VIEWS_SCHEMA)


_OPENS_AT = Column("opens_at", "TIMESTAMP", "Opening time", "UTC", "observed_at")
_OF_DAY = _closes_at("price_date + 1 day")
_OF_HOUR = _closes_at("hour_end")
_FACT_INTERVAL = replace(_INTERVAL, meaning="Length of the candle, such as 1h", source="fact_crypto_prices")
_NO_CANDLES = "the source has prices, but no candles (CoinGecko)"


def _of_candle(name: str, type_: str, meaning: str, unit: str, null: str) -> Column:
    return Column(name, type_, meaning, unit, name, null)


_CANDLE_VALUES = (
    _of_candle("open_price", _PRICE, "First price of the candle", _PRICE_UNIT, "not given"),
    _of_candle("high_price", _PRICE, "Highest price of the candle", _PRICE_UNIT, _NO_CANDLES),
    _of_candle("low_price", _PRICE, "Lowest price of the candle", _PRICE_UNIT, _NO_CANDLES),
    _of_candle("close_price", _PRICE, "Last price of the candle", _PRICE_UNIT, _NO_CANDLES),
    _of_candle("base_volume", _PRICE, "Amount traded during the candle", "base currency", _NO_CANDLES),
    _of_candle("quote_volume", _PRICE, "Value of the amount traded", "quote currency", "not given"),
    _of_candle("trade_count", "BIGINT", "Number of trades during the candle", "count", "not given"),
    _of_candle("market_cap", "DECIMAL(38,8)", "Market capitalization", "quote currency", "not given"),
)
_HISTORY = "price_history in crypto"
_RESTATED = "restatements in crypto"

_VIEWS = (
    _view(
        "prices",
        "One row per candle",
        "fact_crypto_prices",
        *_KEY,
        _FACT_INTERVAL,
        _OPENS_AT,
        _closes_at("observed_at + candle_interval"),
        *_CANDLE_VALUES,
    ),
    _view(
        "price_history",
        "One row per version of a candle, the present one included. As of a time, the warehouse held the rows with "
        "known_at <= time and no replaced_at or replaced_at > time",
        _HISTORY,
        *_KEY,
        _FACT_INTERVAL,
        _OPENS_AT,
        _closes_at("observed_at + candle_interval"),
        *_CANDLE_VALUES,
        Column(
            "valid_from_load", "BIGINT", "Load that gave the values. 0: from before the log", "load_number", _HISTORY
        ),
        Column(
            "valid_to_load",
            "BIGINT",
            "Load that changed or removed them",
            "load_number",
            _HISTORY,
            "the present version",
        ),
        Column(
            "closed_as",
            "VARCHAR(8)",
            "changed: a load gave other values. removed: a load or a removal removed the candle",
            "none",
            _HISTORY,
            "the present version",
        ),
        Column(
            "known_at",
            "TIMESTAMP",
            "visible_at of valid_from_load",
            "UTC",
            _HISTORY,
            "not known yet to be committed",
        ),
        Column(
            "replaced_at",
            "TIMESTAMP",
            "visible_at of valid_to_load",
            "UTC",
            _HISTORY,
            "the present version, or the load that replaced it is not known yet to be committed",
        ),
    ),
    _view(
        "restatements",
        "One row per value of a candle that a load or a removal changed after it was loaded",
        _RESTATED,
        *_KEY,
        _FACT_INTERVAL,
        _OPENS_AT,
        _closes_at("observed_at + candle_interval"),
        Column("changed_column", "VARCHAR(16)", "Column that changed, such as close_price", "none", _RESTATED),
        Column(
            "old_value", "VARCHAR(64)", "Value before, exact", "unit of the column", _RESTATED, "there was no value"
        ),
        Column(
            "new_value", "VARCHAR(64)", "Value after, exact", "unit of the column", _RESTATED, "no value, or no candle"
        ),
        Column(
            "difference",
            _DOUBLE,
            "New value minus old value",
            "unit of the column",
            "new_value - old_value",
            "one of them is missing",
        ),
        Column(
            "change_share",
            _DOUBLE,
            "Difference as a share of the old value",
            _RATIO,
            "difference / old_value",
            "a value is missing, or the old value is 0",
        ),
        Column("closed_as", "VARCHAR(8)", "changed or removed, as in price_history", "none", _RESTATED),
        Column("old_load", "BIGINT", "Load that gave the old value", "load_number", _RESTATED),
        Column("new_load", "BIGINT", "Load or removal that changed it", "load_number", _RESTATED),
        Column("visible_at", "TIMESTAMP", "visible_at of new_load", "UTC", "loads", "not known yet to be committed"),
        Column("removed_because", "VARCHAR(2000)", "Why the candle was removed", "none", "loads", "a load changed it"),
    ),
    _view(
        "daily",
        "One row per market and UTC day",
        "daily_prices",
        *_KEY,
        _PRICE_DATE,
        _OF_DAY,
        _INTERVAL,
        *_bar_prices("candle", "candle"),
        *_DAILY_REST,
    ),
    _view(
        "statistics",
        "One row per market and UTC day, with statistics of the days that end with it",
        "price_statistics and daily_prices",
        *_KEY,
        _PRICE_DATE,
        _OF_DAY,
        *_STATISTICS,
        Column(
            "drawdown_all",
            _DOUBLE,
            "Distance of the close from the highest close until then",
            _RATIO,
            "close / MAX(close) over all days until then - 1",
            "no close until then is positive",
        ),
        _THROUGH_LOAD,
    ),
    _view("rates", "One row per hour and quote currency", "quote_rates", _QUOTE, _OF_HOUR, *_RATE),
    _view("venues", "One row per hour and market", "venue_prices", *_KEY, _OF_HOUR, *_VENUE),
    _view("consensus", "One row per hour and symbol", "consensus_prices", _SYMBOL, _OF_HOUR, *_CONSENSUS),
    _view(
        "market_coverage",
        "One row per market, candle interval and reason for missing candles. One row if none are missing. A market "
        "that has only missing candles has rows, too",
        "fact_crypto_prices and candle_gaps, when it is queried",
        *_KEY,
        _FACT_INTERVAL,
        Column(
            "first_opens_at",
            "TIMESTAMP",
            "Opening time of the first candle",
            "UTC",
            "MIN(observed_at)",
            "the market has no candle",
        ),
        Column(
            "last_closes_at",
            "TIMESTAMP",
            "End of the last candle",
            "UTC",
            "MAX(observed_at) + candle_interval",
            "the market has no candle",
        ),
        Column("candles", "BIGINT", "Number of candles of the market", "count", "COUNT(*)"),
        Column(
            "gap_reason",
            "VARCHAR(16)",
            "Why candles are missing, as reason in candle_gaps",
            "none",
            "candle_gaps",
            "none are missing",
        ),
        Column("gap_ranges", "BIGINT", "Number of ranges of missing candles with this reason", "count", "COUNT(*)"),
        Column("missing_candles", "BIGINT", "Number of missing candles with this reason", "count", "SUM(candles)"),
    ),
    _view(
        "gaps",
        "One row per range of missing candles",
        "candle_gaps",
        *_KEY,
        _FACT_INTERVAL,
        Column("starts_at", "TIMESTAMP", "Opening time of the first missing candle", "UTC", "candle_gaps"),
        Column("ends_at", "TIMESTAMP", "End of the last missing candle", "UTC", "candle_gaps"),
        Column("candles", "BIGINT", "Number of missing candles", "count", "candle_gaps"),
        Column("reason", "VARCHAR(16)", "Why they are missing, as in candle_gaps", "none", "candle_gaps"),
    ),
    _view(
        "bars_4h",
        "One row per market and four hours, from candles of at most four hours",
        "fact_crypto_prices and daily_prices, when it is queried",
        *_KEY,
        replace(_OPENS_AT, source="0, 4, 8, 12, 16 or 20 h of observed_at"),
        _closes_at("opens_at + 4 hours"),
        *_bar_prices("candle", "candle"),
        *_volumes("candle", "the number of candles in 4 hours"),
        Column("candles", "BIGINT", "Number of candles", "count", "COUNT(*)"),
        Column("is_complete", "BOOLEAN", "Whether no candle is missing", "none", "candles = 4 h / candle_interval"),
    ),
    _view(
        "bars_1w",
        "One row per market and week, Monday to Sunday",
        "daily_prices, when it is queried",
        *_KEY,
        replace(_OPENS_AT, source="Monday of price_date"),
        _closes_at("opens_at + 7 days"),
        *_bar_prices("day", "day"),
        *_volumes("day", "7"),
        Column("days", "BIGINT", "Number of days with a price", "count", "COUNT(*)"),
        Column("is_complete", "BOOLEAN", "Whether no candle is missing", "none", "is_complete of all 7 days"),
    ),
    _view("sources", "One row per source that the bundle knows", "sources", *_DIMENSION_SOURCE),
    _view("assets", "One row per asset", "assets", *_DIMENSION_ASSET),
    _view(
        "freshness",
        "One row: how far the marts are behind the loads",
        "mart_state and load_log",
        Column("through_load", "BIGINT", "The marts contain the loads up to this one", "load_number", "mart_state"),
        Column("refreshed_at", "TIMESTAMP", "Time of the last refresh", "UTC", "mart_state", "there was none"),
        Column("newest_load", "BIGINT", "Number of the newest load", "load_number", "load_log", "there is none"),
        Column("loads_behind", "BIGINT", "Number of loads since then", "count", "newest_load - through_load"),
    ),
    _view(
        "loads",
        "One row per load and source, and one per removal of candles, in the order of their transactions",
        "load_log",
        Column("load_number", "BIGINT", "Number of the load, which no other load has", "load_number", "load_log"),
        Column("source", "VARCHAR(32)", "Source of the candles", "none", "load_log"),
        Column("window_start", "DATE", "First day of the load", "UTC", "load_log"),
        Column("window_end", "DATE", "The day after its last one", "UTC", "load_log"),
        Column("candle_interval", "VARCHAR(8)", "Length of the candles", "none", "load_log"),
        Column("fetched_at", "TIMESTAMP", "When the exchange was asked", "UTC", "load_log", "the row is a removal"),
        Column("merged_at", "TIMESTAMP", "Time of the merge or of the removal", "UTC", "load_log"),
        Column(
            "visible_at",
            "TIMESTAMP",
            "Readers saw the load from this time at the latest",
            "UTC",
            "load_log",
            "the next load has not started, and record_load has not run",
        ),
        Column("forced", "BOOLEAN", "Whether the guards of the merge were switched off", "none", "load_log"),
        Column(
            "rebuilt_from",
            "VARCHAR(16)",
            "record: a rebuild replayed the load from the load record of its number. manifest: a rebuild without load "
            "records guessed the load from a raw manifest",
            "none",
            "load_log",
            "the load is from the exchange, or the row is a removal",
        ),
        Column("removed_because", "VARCHAR(2000)", "Why candles were removed", "none", "load_log", "the row is a load"),
    ),
)

MART_TABLES: tuple[Table, ...] = (*_MARTS, *_VIEWS)
"""The marts in the schema ``crypto``, and the views in ``crypto_views``."""
