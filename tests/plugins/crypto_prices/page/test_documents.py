"""The documents of the page, built from rows of the warehouse."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from crypto_prices.backfill.glue_cost import GlueRun
from crypto_prices.page.documents import PageTooLargeError, Surroundings, page_documents, plain_decimal
from crypto_prices.page.snapshot import Snapshot
from crypto_prices.settings import PriceSettings

BTC = {"source": "binance", "symbol": "BTC", "quote_currency": "USDT"}
ETH = {"source": "binance", "symbol": "ETH", "quote_currency": "USDT"}
UNTIL = date(2024, 1, 3)


def fetched(market, start="2023-12-30", end="2024-01-03"):
    return {**market, "starts_on": start, "ends_on": end}


def gap(market, starts_at, ends_at, reason):
    name = f"{market['symbol']}/{market['quote_currency']}"
    return {"source": market["source"], "market": name, "starts_at": starts_at, "ends_at": ends_at, "reason": reason}


def candle(market, opens_at, price="42000.120000000000000000", candles=24, restated=0):
    names = ("open_price", "high_price", "low_price", "close_price", "base_volume")
    return {**market, "opens_at": opens_at, **dict.fromkeys(names, price), "candles": candles, "restated": restated}


def consensus(symbol, opens_at, price, is_weak=0):
    return {"symbol": symbol, "opens_at": opens_at, "price": price, "is_weak": is_weak}


def load(day, number, source="binance", until=None, **values):
    end = until or (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    return {
        "batch_id": f"batch-{day}", "source": source, "window_start": day, "window_end": end, "market_total": 2,
        "dag_id": "crypto_prices_daily", "run_id": f"run-{day}", "status": "loaded", "rows_fetched": 50,
        "rows_quarantined": 1, "rows_duplicate": 1, "rows_curated": 48, "rows_staged": 48, "rows_merged": 48,
        "rows_in_window": 48, "rows_removed": 0, "load_number": number, "fetched_at": f"{end} 00:01:00",
        "loaded_at": f"{end} 00:03:00", "recorded_at": f"{end} 00:04:00", "glue_job_run_id": "jr_1", "is_accepted": 0,
    } | values  # fmt: skip


def snapshot(ranges=None, *, expected=(), gaps=(), loads=(), daily_from=UNTIL, daily=(), hourly=(), days=(), hours=()):
    return Snapshot(UNTIL, ranges or [fetched(BTC)], expected, gaps, loads, daily_from, daily, hourly, days, hours)


def expected(market, used_from=None, used_until=None):
    return {**market, "used_from": used_from, "used_until": used_until}


def documents(of, sources=("binance",), **options):
    around = Surroundings(
        written_at=datetime(2024, 1, 3, 9, tzinfo=UTC),
        sources=frozenset(sources),
        candle_interval="1h",
        interval=timedelta(hours=1),
        runbook_url="https://example.com/troubleshoot.md",
        freshness_hours=30,
        prices=PriceSettings(),
        glue_runs={"jr_1": GlueRun(seconds=90, dpus=2)},
    )
    return page_documents(of, around, **options)


def parsed(of, key, **options):
    return json.loads(documents(of, **options)[key])


def letters(of, year=2024, market=0):
    return parsed(of, f"coverage_{year}")["markets"][market]["days"]


class TestCoverage:
    def test_each_year_has_the_days_from_the_first_fetched_one_to_the_newest(self):
        assert {key for key in documents(snapshot()) if key.startswith("coverage")} == {
            "coverage_2023",
            "coverage_2024",
        }
        assert (letters(snapshot(), 2023), letters(snapshot(), 2024)) == ("cc", "cc")

    @pytest.mark.parametrize(
        ("start", "end", "reason", "letter"),
        [
            ("2024-01-01 10:00:00", "2024-01-01 11:00:00", "quarantined", "p"),
            ("2024-01-01 10:00:00", "2024-01-01 11:00:00", "no_trade", "q"),
            ("2024-01-01 00:00:00", "2024-01-02 00:00:00", "venue_down", "g"),
            ("2024-01-01 00:00:00", "2024-01-02 00:00:00", "not_listed", "n"),
            ("2024-01-01 00:00:00", "2024-01-01 12:00:00", "not_listed", "q"),
        ],
    )
    def test_a_day_with_missing_candles_has_the_letter_of_their_reason(self, start, end, reason, letter):
        assert letters(snapshot(gaps=[gap(BTC, start, end, reason)])) == f"{letter}c"

    def test_reasons_of_a_day_are_added_up(self):
        halves = [
            gap(BTC, "2024-01-01 00:00:00", "2024-01-01 12:00:00", "not_listed"),
            gap(BTC, "2024-01-01 12:00:00", "2024-01-02 00:00:00", "venue_down"),
        ]
        assert letters(snapshot(gaps=halves)) == "gc"

    def test_a_day_that_no_load_requested_was_never_fetched(self):
        assert letters(snapshot([fetched(BTC), fetched(ETH, end="2024-01-02")]), market=1) == "cu"

    def test_a_market_is_expected_only_on_the_days_of_its_name(self):
        of = snapshot(expected=[expected(BTC), expected(ETH, "2024-01-02")])
        assert (letters(of, 2023, market=1), letters(of, 2024, market=1)) == ("..", ".u")

    def test_rows_that_no_gap_explains_are_missing(self):
        """A load counts its rows when it ends. A row that is lost later has no gap."""
        of = snapshot(
            daily_from=date(2024, 1, 1),
            daily=[candle(BTC, "2024-01-01 00:00:00", candles=21), candle(BTC, "2024-01-02 00:00:00", candles=24)],
            gaps=[gap(BTC, "2024-01-01 10:00:00", "2024-01-01 12:00:00", "no_trade")],
        )
        assert (letters(of, 2023), letters(of, 2024)) == ("cc", "pc")
        document = parsed(of, "coverage_2024")
        assert document["rows_missing"] == [[0, "2024-01-01T00:00", "2024-01-02T00:00", 1]]
        assert document["gaps"] == [[0, "2024-01-01T10:00", "2024-01-01T12:00", 2, "no_trade"]]
        assert [each["missing"] for each in parsed(of, "status")["days"][2:]] == [
            {"no_trade": 2, "rows_missing": 1},
            {},
        ]

    def test_a_day_whose_rows_are_all_lost_is_a_gap(self):
        assert letters(snapshot(daily_from=date(2024, 1, 1))) == "gg"

    def test_missing_rows_of_consecutive_days_are_one_range_in_each_year(self):
        ranges = [fetched(BTC), fetched(ETH, end="2024-01-01"), fetched(ETH, start="2024-01-02")]
        rows = [candle(BTC, "2023-12-31 00:00:00"), candle(ETH, "2023-12-30 00:00:00", candles=20)]
        of = snapshot(ranges, daily_from=date(2023, 12, 30), daily=rows)
        assert parsed(of, "coverage_2023")["rows_missing"] == [
            [1, "2023-12-30T00:00", "2024-01-01T00:00", 4 + 24],
            [0, "2023-12-30T00:00", "2023-12-31T00:00", 24],
        ]
        assert parsed(of, "coverage_2024")["rows_missing"] == [
            [1, "2024-01-02T00:00", "2024-01-03T00:00", 24],
            [0, "2024-01-01T00:00", "2024-01-03T00:00", 48],
        ]

    def test_an_unfetched_day_is_not_one_with_missing_rows(self):
        assert letters(snapshot([fetched(BTC, end="2024-01-02"), fetched(ETH)], daily_from=date(2024, 1, 2))) == "cu"

    def test_a_market_that_was_removed_from_the_settings_is_not_expected_after_its_last_fetched_day(self):
        ranges = [fetched(BTC), fetched(ETH, end="2023-12-31"), fetched(ETH, start="2024-01-01", end="2024-01-02")]
        of = snapshot(ranges, expected=[expected(BTC)])
        assert (letters(of, 2023, market=1), letters(of, 2024, market=1)) == ("cu", "c.")
        assert [each["is_in_settings"] for each in parsed(of, "coverage_2024")["markets"]] == [True, False]
        # Without a row of the source, it is unknown what was removed.
        of = snapshot(ranges, expected=[expected({**BTC, "source": "coinbase"})])
        assert letters(of, market=1) == "cu"
        assert parsed(of, "coverage_2024")["markets"][1]["is_in_settings"]

    def test_a_range_is_clipped_to_the_year(self):
        of = snapshot(gaps=[gap(BTC, "2023-12-31 22:00:00", "2024-01-01 02:00:00", "venue_down")])
        assert parsed(of, "coverage_2024")["gaps"] == [[0, "2024-01-01T00:00", "2024-01-01T02:00", 2, "venue_down"]]

    def test_the_oldest_ranges_are_left_out_and_counted_if_there_are_too_many(self):
        many = [
            gap(BTC, f"2024-01-{day:02d} {hour:02d}:00:00", f"2024-01-{day:02d} {hour:02d}:30:00", "venue_down")
            for day in (1, 2)
            for hour in range(24)
        ]
        document = documents(snapshot(gaps=many), most_document_bytes=1500)["coverage_2024"]
        assert len(document) <= 1500
        kept = json.loads(document)
        assert kept["gaps"][0][1] == "2024-01-02T23:00"
        assert len(kept["gaps"]) + kept["gaps_left_out"] == len(many)

    def test_missing_rows_are_kept_when_gaps_are_left_out(self):
        """crypto.candle_gaps has the gaps. No table has the missing rows."""
        many = [
            gap(ETH, f"2024-01-02 {hour:02d}:00:00", f"2024-01-02 {hour:02d}:30:00", "venue_down") for hour in range(24)
        ]
        rows = [
            candle(BTC, "2024-01-02 00:00:00"),
            candle(ETH, "2024-01-01 00:00:00"),
            candle(ETH, "2024-01-02 00:00:00"),
        ]
        of = snapshot([fetched(BTC), fetched(ETH)], gaps=many, daily_from=date(2024, 1, 1), daily=rows)
        kept = parsed(of, "coverage_2024", most_document_bytes=1500)
        assert kept["gaps_left_out"] > 0
        assert kept["rows_missing"] == [[0, "2024-01-01T00:00", "2024-01-02T00:00", 24]]
        assert kept["rows_missing_left_out"] == 0

    def test_missing_rows_that_do_not_fit_are_left_out_and_counted(self):
        days = [UNTIL - timedelta(days=number) for number in range(1, 301)]
        of = snapshot(
            [fetched(BTC, start=f"{days[-1]}")],
            daily_from=days[-1],
            daily=[candle(BTC, f"{day} 00:00:00") for day in days[::2]],
        )
        document = documents(of, most_document_bytes=2500)["coverage_2023"]
        assert len(document) <= 2500
        kept = json.loads(document)
        assert kept["rows_missing"][0][1] == "2023-12-30T00:00"
        assert len(kept["rows_missing"]) + kept["rows_missing_left_out"] == sum(day.year == 2023 for day in days[1::2])

    def test_the_kept_ranges_are_all_that_end_after_the_oldest_of_them(self):
        """Whether a day's ranges are all there is decided by this end."""
        many = [
            gap(BTC, f"2024-01-01 {hour:02d}:00:00", f"2024-01-01 {hour:02d}:30:00", "venue_down") for hour in range(24)
        ]
        of = snapshot(
            [fetched(BTC), fetched(ETH)],
            gaps=[gap(ETH, "2024-01-01 00:00:00", "2024-01-03 00:00:00", "no_trade"), *many],
        )
        kept = json.loads(documents(of, most_document_bytes=1500)["coverage_2024"])
        assert kept["gaps_left_out"] > 0
        assert kept["gaps"][0] == [1, "2024-01-01T00:00", "2024-01-03T00:00", 48, "no_trade"]

    def test_calendars_that_do_not_fit_are_refused(self):
        markets = [fetched({**BTC, "symbol": f"C{number}"}) for number in range(30)]
        with pytest.raises(PageTooLargeError, match="coverage_2023 has"):
            documents(snapshot(markets), most_document_bytes=1500)

    def test_five_years_of_fifty_markets_fit_into_the_limits(self):
        markets = [{"source": "binance", "symbol": f"C{number}", "quote_currency": "USDT"} for number in range(50)]
        opened = [f"2024-01-{day:02d} {hour:02d}:00:00" for day in range(1, 15) for hour in range(24)]
        wide = "123456.123456789012345678"
        of = snapshot(
            [fetched(market, start="2019-01-03") for market in markets],
            daily=[
                candle(market, f"{UNTIL - timedelta(days=k)} 00:00:00", wide) for market in markets for k in range(400)
            ],
            hourly=[candle(market, time, wide, candles=1, restated=1) for market in markets for time in opened],
            days=[
                consensus(market["symbol"], f"{UNTIL - timedelta(days=k)} 00:00:00", 12345.678901234567)
                for market in markets
                for k in range(400)
            ],
            hours=[consensus(market["symbol"], time, 12345.678901234567) for market in markets for time in opened],
        )
        sizes = {key: len(document.encode()) for key, document in documents(of).items()}
        assert max(sizes.values()) <= 128 * 1024
        assert sum(sizes.values()) <= 3 * 1024 * 1024
        assert len(sizes) == 50 + 50 + 6 + 1


class TestStatus:
    def test_a_day_has_its_newest_load_its_candles_and_its_gaps(self):
        of = snapshot(
            loads=[load("2024-01-02", 2), load("2023-12-30", 1, until="2024-01-03")],
            gaps=[gap(BTC, "2024-01-02 10:00:00", "2024-01-02 12:00:00", "quarantined")],
            hourly=[candle(BTC, "2024-01-02 09:00:00", candles=1), candle(BTC, "2024-01-02 12:00:00", candles=1)],
        )
        status = parsed(of, "status")
        days = {each["day"]: each for each in status["days"]}
        assert list(days) == ["2023-12-30", "2023-12-31", "2024-01-01", "2024-01-02"]
        newest = days["2024-01-02"]
        assert (newest["run_id"], newest["rows"], newest["missing"]) == ("run-2024-01-02", 2, {"quarantined": 2})
        assert status["sources"] == [{"source": "binance", "newest": "2024-01-02T12:00", "is_in_settings": True}]

    def test_a_load_whose_counts_differ_is_not_loaded(self):
        of = snapshot(loads=[load("2024-01-02", 2, status="merged"), load("2024-01-01", 1)])
        assert [each.get("status") for each in parsed(of, "status")["days"]] == [None, None, "loaded", "merged"]

    def test_a_source_that_was_removed_from_the_settings_is_named(self):
        of = snapshot([fetched(BTC), fetched({**BTC, "source": "kraken"}, end="2023-12-31")], expected=[expected(BTC)])
        status = parsed(of, "status")
        assert [(each["source"], each["is_in_settings"]) for each in status["sources"]] == [
            ("binance", True),
            ("kraken", False),
        ]
        assert [each["markets"] for each in status["days"] if each["source"] == "kraken"] == [1, 0, 0, 0]

    def test_a_source_is_not_expected_from_its_removal_on(self):
        """Its row in crypto.expected_markets stays until the next audit."""
        kraken = {**BTC, "source": "kraken"}
        of = snapshot([fetched(BTC), fetched(kraken, end="2023-12-31")], expected=[expected(BTC), expected(kraken)])
        markets = {each["source"]: each for each in parsed(of, "status")["days"] if each["day"] == "2024-01-02"}
        assert (markets["kraken"]["markets"], markets["kraken"]["missing"]) == (0, {})
        assert [each["is_in_settings"] for each in parsed(of, "coverage_2024")["markets"]] == [True, False]
        before = parsed(of, "status", sources=("binance", "kraken"))
        assert before["days"][-1]["missing"] == {"unfetched": 24}
        assert [each["is_in_settings"] for each in before["sources"]] == [True, True]

    def test_restated_candles_are_counted_by_source_and_day(self):
        hours = [
            candle(market, f"2024-01-{day:02d} {hour:02d}:00:00", candles=1, restated=int(hour < day))
            for market in (BTC, ETH)
            for day in (1, 2)
            for hour in range(24)
        ]
        of = snapshot([fetched(BTC), fetched(ETH)], hourly=hours)
        assert {each["day"]: each["restated"] for each in parsed(of, "status")["days"]} == {
            "2023-12-30": 0, "2023-12-31": 0, "2024-01-01": 2, "2024-01-02": 4,
        }  # fmt: skip

    def test_a_day_without_a_load_has_no_run_and_its_candles_are_missing(self):
        of = snapshot([fetched(BTC, end="2024-01-02"), fetched(ETH)], expected=[expected(BTC), expected(ETH)])
        newest = parsed(of, "status")["days"][-1]
        assert "run_id" not in newest
        assert newest["missing"] == {"unfetched": 24}

    def test_an_unpublished_load_is_not_shown_as_published(self):
        of = snapshot(loads=[load("2024-01-02", 1, recorded_at=None)])
        assert parsed(of, "status")["days"][-1]["published"] is False

    def test_a_load_has_its_sources_and_its_price(self):
        of = snapshot(loads=[load("2024-01-02", 2, source="coinbase"), load("2024-01-02", 1)])
        (one,) = parsed(of, "status")["loads"]
        assert [each["source"] for each in one["sources"]] == ["binance", "coinbase"]
        # 90 s of 2 DPUs, and 5 minutes of 8 RPUs.
        assert one["usd"] == pytest.approx(2 * 90 / 3600 * 0.44 + 5 / 60 * 8 * 0.375, abs=0.0001)


class TestPrices:
    def test_every_digit_is_kept_and_no_zero_is_added(self):
        of = snapshot(daily=[candle(BTC, "2024-01-02 00:00:00", "0.000000012300000000")])
        assert parsed(of, "prices_0")["daily"] == "2024-01-02" + ",0.0000000123" * 5 + ",24"

    def test_a_restated_candle_says_how_many_of_its_candles_are(self):
        of = snapshot(daily=[candle(BTC, "2024-01-02 00:00:00", "7", restated=3)])
        assert parsed(of, "prices_0")["daily"] == "2024-01-02,7,7,7,7,7,24,3"

    def test_the_consensus_of_a_symbol_with_prices_has_a_document(self):
        of = snapshot(
            daily=[candle(BTC, "2024-01-02 00:00:00")],
            days=[consensus("BTC", "2024-01-01 00:00:00", 42000.5), consensus("BTC", "2024-01-02 00:00:00", 1e-07, 1),
                  consensus("ETH", "2024-01-02 00:00:00", 2200.0)],
            hours=[consensus("BTC", "2024-01-02 23:00:00", 42001.0)],
        )  # fmt: skip
        assert parsed(of, "status")["consensus"] == [{"key": "consensus_0", "symbol": "BTC"}]
        assert parsed(of, "consensus_0") == {
            "symbol": "BTC",
            "left_out": {"daily": 0, "hourly": 0},
            "daily": "2024-01-01,42000.5\n2024-01-02,0.0000001,weak",
            "hourly": "2024-01-02T23,42001",
        }

    def test_a_value_that_the_source_does_not_give_is_empty(self):
        row = candle(BTC, "2024-01-02 00:00:00", "7") | {"high_price": None, "low_price": None, "close_price": None}
        assert parsed(snapshot(daily=[row]), "prices_0")["daily"] == "2024-01-02,7,,,,7,24"

    def test_the_oldest_candles_are_left_out_if_there_are_too_many(self):
        rows = [candle(BTC, f"2024-01-02 {hour:02d}:00:00", "42000.123456789012345678") for hour in range(24)]
        of = snapshot(daily=rows[:1], hourly=rows)
        text = documents(of, most_document_bytes=1600)["prices_0"]
        assert len(text) <= 1600
        kept = json.loads(text)
        lines = kept["hourly"].splitlines()
        assert lines[-1].startswith("2024-01-02T23,")
        assert len(lines) + kept["left_out"]["hourly"] == 24 > len(lines)
        # One is left, so that the chart is not empty.
        assert (len(kept["daily"].splitlines()), kept["left_out"]["daily"]) == (1, 0)

    @pytest.mark.parametrize(("value", "text"), [("10.500", "10.5"), ("100.000", "100"), ("100", "100"), (None, "")])
    def test_decimals_are_short(self, value, text):
        assert plain_decimal(value) == text
