import random
from dataclasses import replace
from datetime import date, timedelta

import pytest
from crypto_prices.backfill.rebuild import (
    Guess,
    Rebuild,
    RebuildError,
    check_chain,
    check_warehouse,
    guesses,
    newest_manifests,
    rebuild_text,
    record_numbers,
)
from crypto_prices.backfill.window_run import guess_run, replay_run
from crypto_prices_contract.markets import Market
from crypto_prices_contract.raw_manifest import RawManifest, RawObject
from crypto_prices_contract.s3_keys import load_record_key
from crypto_prices_contract.window import Window

from tests.support.load_records import FIRST, SECOND, THIRD


def in_lake(*records):
    return [(f"s3://lake/{load_record_key(record.load_number)}", record.to_bytes()) for record in records]


def test_records_are_replayed_in_the_order_of_their_numbers():
    assert record_numbers([load_record_key(number) for number in (2, 10, 1, *range(3, 10))]) == list(range(1, 11))
    assert record_numbers([]) == []
    assert record_numbers([load_record_key(1), "loads/notes.txt", "loads/old/000000000002.json"]) == [1]


def test_a_missing_record_stops_the_rebuild():
    with pytest.raises(RebuildError, match=r"records 1, 3 are missing, but record 4 exists"):
        record_numbers([load_record_key(number) for number in (2, 4)])


def test_a_changed_record_is_noticed_by_the_one_after_it():
    assert check_chain(in_lake(FIRST, SECOND, THIRD)) == [FIRST, SECOND, THIRD]
    forged = replace(SECOND, merged_at="2023-12-19T00:03:42Z")
    with pytest.raises(RebuildError, match=r"000000000002.json has the SHA-256 .*, but record 3 names"):
        check_chain(in_lake(FIRST, forged, THIRD))
    with pytest.raises(RebuildError, match="is not JSON"):
        check_chain([*in_lake(FIRST), ("s3://lake/x", b"{")])


def logged(record, is_guessed=0, **other):
    """Return the row of a load, with the columns' other values."""
    merged_at = record.merged_at.replace("T", " ").rstrip("Z")
    row = {"load_number": record.load_number, "batch_id": record.batch_id, "merged_at": merged_at}
    return row | {"is_guessed": is_guessed} | other


def test_a_rebuild_continues_where_the_warehouse_ends():
    assert check_warehouse([], [FIRST, SECOND]) == 0
    assert check_warehouse([logged(FIRST)], [FIRST, SECOND]) == 1
    assert check_warehouse([logged(FIRST), logged(SECOND), logged(THIRD)], [FIRST, SECOND, THIRD]) == 3
    # The record of a guess may not be written yet.
    assert check_warehouse([logged(FIRST, is_guessed=1)], []) == 1


@pytest.mark.parametrize(
    ("rows", "records", "problem"),
    [
        ([logged(FIRST, batch_id="b-9")], [FIRST], "batch b-9, .*, but its record is of batch b-1, .*"),
        ([logged(FIRST), logged(SECOND)], [FIRST], "load 2 .*, but its record is missing"),
        ([logged(FIRST, is_guessed=1, batch_id="b-9")], [FIRST], "batch b-9, .*, but its record is of batch b-1, .*"),
        (
            # Another removal with the same number has the same batch.
            [logged(FIRST), logged(SECOND), logged(THIRD, merged_at="2024-02-01 10:00:00")],
            [FIRST, SECOND, THIRD],
            "merged at 2024-02-01T10:00:00Z, but its record is of batch removal-2, merged at 2023-12-19T00:03:41Z",
        ),
    ],
)
def test_a_warehouse_with_another_load_is_refused(rows, records, problem):
    with pytest.raises(RebuildError, match=f"{problem}: .* Start over with an empty warehouse"):
        check_warehouse(rows, records)


def manifest(source="binance", first=1, days=1, markets=("BTC",), age=0, records=24, interval="1h"):
    window = Window(date(2024, 1, first), date(2024, 1, first) + timedelta(days=days))
    listed = tuple(Market(f"{symbol}USDT", symbol, "USDT") for symbol in markets)
    objects = (
        RawObject(
            uri=f"s3://lake/{source}-{age}.gz",
            exchange_symbol=listed[0].exchange_symbol,
            symbol=listed[0].symbol,
            quote_currency="USDT",
            url="https://x",
            status=200,
            fetched_at="t",
            sha256="a" * 64,
            body_bytes=1,
            records=records,
            surplus=0,
            requested_from="f",
            requested_until="u",
            etag="e",
            version_id=None,
        ),
    )
    written_at = f"2024-02-01T00:00:{age:02d}.000Z"
    return RawManifest(
        f"s3://lake/{source}-{age}", source, window, interval, f"a{age}", 24, listed, objects, written_at
    )


@pytest.mark.parametrize("seed", range(20))
def test_loading_the_newest_manifests_leaves_each_day_of_a_market_as_its_newest_manifest_has_it(seed):
    choose = random.Random(seed)
    fetched = [
        manifest(
            source=choose.choice(["binance", "coinbase"]),
            first=choose.randrange(1, 6),
            days=choose.randrange(1, 4),
            markets=choose.choice([("BTC",), ("ETH",), ("BTC", "ETH")]),
            age=age,
            records=choose.choice([24, 24, 0]),
        )
        for age in range(12)
    ]

    def loaded(manifests):
        state = {}
        for each in manifests:
            for market in each.markets:
                state |= {(each.source, market.name, day): each.uri for day in each.window.days()}
        return state

    everything = loaded(each for each in fetched if each.records)
    choose.shuffle(fetched)
    newest = newest_manifests(fetched)
    assert loaded(newest) == everything
    assert {each.uri for each in newest} == set(everything.values())
    # The batches keep the order.
    assert [uri for guess in guesses(newest) for uri in guess.raw_manifests] == [each.uri for each in newest]


def test_sources_that_were_fetched_together_are_loaded_together():
    one, two = manifest(age=1), manifest("coinbase", age=2)
    again, other_day, other_interval = (
        manifest(age=3),
        manifest(first=2, age=4),
        manifest("bitstamp", 2, age=5, interval="5m"),
    )
    assert [guess.raw_manifests for guess in guesses([one, two, again, other_day, other_interval])] == [
        [one.uri, two.uri],
        [again.uri],
        [other_day.uri],
        [other_interval.uri],
    ]


def test_the_plan_says_what_is_left_and_whether_it_is_approximate():
    text = rebuild_text([FIRST, SECOND, THIRD], 1, Rebuild(3, []))
    assert "3 load records, of which the warehouse has 1" in text
    assert "1 load and 1 removal" in text
    assert "APPROXIMATE" not in text
    assert "Glue packages" not in text
    newer = replace(SECOND, code=replace(SECOND.code, glue="f" * 64))
    assert "Glue packages that made these loads   2" in rebuild_text([FIRST, newer, THIRD], 0, Rebuild(3, []))
    assert "APPROXIMATE: 1 raw manifest" in rebuild_text([], 0, Rebuild(0, guesses([manifest()])))


def test_the_same_rebuild_runs_a_load_under_the_same_id():
    run = replay_run("crypto_prices_backfill", "manual__1", SECOND, "s3://lake/2")
    assert run == replay_run("crypto_prices_backfill", "manual__1", SECOND, "s3://lake/2")
    assert run["conf"] == {"start": "2023-12-18", "end": "2023-12-19", "load_record": "s3://lake/2"}
    assert run["trigger_run_id"].startswith("rebuild__load000002_20231218-20231219__")
    others = [
        replay_run("crypto_prices_backfill", "manual__2", SECOND, "s3://lake/2"),
        replay_run("crypto_prices_backfill", "manual__1", FIRST, "s3://lake/1"),
    ]
    assert len({run["trigger_run_id"], *(other["trigger_run_id"] for other in others)}) == 3


def test_the_newest_manifest_wins_whatever_the_guards_say():
    guess = Guess("2024-01-01", "2024-01-02", ["binance"], ["s3://lake/m"])
    assert guess_run("crypto_prices_backfill", "manual__1", guess)["conf"] == {
        "start": "2024-01-01", "end": "2024-01-02", "raw_manifests": ["s3://lake/m"], "force": True
    }  # fmt: skip
