"""A receipt of an intact number says so. If a link is damaged, the receipt names it."""

from __future__ import annotations

import json
import re
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from crypto_prices.receipts.receipt import Outcome
from crypto_prices_contract import s3_keys
from crypto_prices_contract.load_record import Code

from tests.support.data_api import BUCKET
from tests.support.receipt_world import BTC, DAY, RELOADED_DAY, one_other_byte, parquet

REPOSITORY = Path(__file__).parents[4]
LINKS = ("fact", "load", "curated", "raw", "record", "manifest", "chain", "versions")
LOAD = 3
"""The load that has confirmed the candle."""

CANDLE = f"source = 'binance' AND symbol = 'BTC' AND observed_at = '{DAY} 13:00:00'"
OTHER_VALUES = {
    "open_price": "43000.11",
    "high_price": "44100.00000002",
    "low_price": "41000.6",
    "close_price": "43812.340000000000000001",
    "base_volume": "12.6",
    "quote_volume": "525000.126",
    "trade_count": "18",
    "market_cap": "1",
    "raw_object": "'s3://crypto-prices-lake/raw/other.json.gz'",
    "ingested_at": "'2024-01-08 00:01:10'",
    "batch_id": "'other'",
    "valid_from_load": "3",
}
"""Of each column of the fact table that is not in the key."""

OTHER_KEYS = {
    "source": "'coinbase'",
    "symbol": "'BTC2'",
    "quote_currency": "'USD'",
    "candle_interval": "'30m'",
    "observed_at": f"'{DAY} 13:00:01'",
}
LOG = {
    "batch_id": "'other'",
    "merged_at": "'2020-01-01 00:00:00'",
    "forced": "TRUE",
    "fetched_at": "'2020-01-01 00:00:00'",
    "content_hash": "'0000'",
    "raw_manifest": "'s3://crypto-prices-lake/raw/other.json'",
    "copy_manifest": "'s3://crypto-prices-lake/curated/other.json'",
    "glue_job_run_id": "'jr_other'",
    "dag_id": "'other'",
    "run_id": "'other'",
    "dags_digest": "'0000'",
    "plugins_digest": "'0000'",
    "glue_digest": "'0000'",
    "rules": "'{}'",
    "accepted_by": "'eve'",
    "rebuilt_from": "'manifest'",
    "visible_at": "'2020-01-01 00:00:00'",
    "window_start": "'2024-01-04'",
    "window_end": "'2024-01-05'",
    "market_set": "'other'",
    "candle_interval": "'30m'",
    "accepted_because": "'it is fine'",
    "removed_by": "'eve'",
}
"""Of each column of the log that is neither in the key nor what makes a row a removal."""

REMOVAL = 5
REMOVED = f"{DAY}T20:00"
REMOVAL_LOG = {
    "removed_by": "'eve'",
    "removed_because": "'another reason'",
    "merged_at": "'2020-01-01 00:00:00'",
    "visible_at": "'2020-01-01 00:00:00'",
    "batch_id": "'removal-9'",
    "window_end": "'2024-01-09'",
}


def outcomes(receipt):
    return {link.name: link.outcome for link in receipt.links if link.outcome is not None}


def broken_checks(receipt, name):
    """Return the texts of the checks of a link that do not hold."""
    (link,) = (link for link in receipt.links if link.name == name)
    return "\n".join(check.says for check in link.checks if check.outcome is Outcome.BROKEN)


def checks_in(text):
    """Return the lines with checks, without their numbers and digests."""
    lines = [line[10:] for line in text.splitlines() if line[10:11] == "["]
    return [re.sub(r"[0-9a-f]{12}…|[0-9][0-9,]*", "#", line) for line in lines]


def record_uri(number):
    return s3_keys.s3_uri(BUCKET, s3_keys.load_record_key(number))


@pytest.fixture(scope="module")
def record(world):
    return world.records[LOAD - 1]


@pytest.fixture(scope="module")
def raw_object(record):
    return next(obj.uri for obj in record.sources[0].objects if BTC.exchange_symbol in obj.uri)


class TestAnIntactNumber:
    def test_every_link_holds(self, world):
        receipt = world.explained()
        assert outcomes(receipt) == dict.fromkeys(LINKS, Outcome.OK), receipt.to_text()
        assert receipt.verdict == "intact (8 of 8)"

    def test_the_text_has_the_value_its_record_and_its_history(self, world):
        text = world.explained().to_text()
        assert "close 43812.340000000000000000 USDT" in text
        assert "current since load 2, confirmed unchanged by load 3" in text
        # The candle of 07:00 is missing, so the one of 13:00 is the 13th.
        assert "13 of 23, bytes " in text
        assert '"43812.34"' in text
        assert "close 43811.900000000000000000, loads 1 to 1, replaced by load 2 (+0.440000000000000000)" in text
        assert (
            "GET https://api.binance.test/api/v3/klines?symbol=BTCUSDT&interval=1h 200 at 2024-01-08T00:01:09" in text
        )

    def test_the_place_of_the_record_is_in_bytes_of_the_body(self, world, raw_object):
        (link,) = (link for link in world.explained().links if link.name == "record")
        ((start, end),) = link.data["bytes"]
        body = world.lake.read(raw_object).unpacked
        assert body[start:end].decode() == link.data["text"]
        assert json.loads(link.data["text"])[4] == "43812.34"

    def test_the_guide_shows_such_a_receipt(self, world):
        shown = (REPOSITORY / "docs" / "how-to" / "explain-a-number.md").read_text().split("```")[1]
        assert checks_in(shown) == checks_in(world.explained().to_text())

    def test_the_json_document_has_the_same_links(self, world):
        receipt = world.explained()
        document = json.loads(json.dumps(receipt.to_json()))
        assert [link["link"] for link in document["links"]] == [link.name for link in receipt.links]
        assert document["intact"] is True

    def test_a_former_version_has_a_receipt_too(self, world):
        receipt = world.explained(as_of="2024-01-06T13:00")
        assert receipt.verdict == "intact (8 of 8)", receipt.to_text()
        assert "close 43811.900000000000000000" in receipt.to_text()
        assert "version of loads 1 to 1" in receipt.to_text()


class TestADamagedFactTable:
    @pytest.mark.parametrize("column", OTHER_VALUES)
    def test_another_value_breaks_the_fact(self, world, column):
        change = f"UPDATE crypto.fact_crypto_prices SET {column} = {OTHER_VALUES[column]} WHERE {CANDLE}"
        with world.changed("fact_crypto_prices", change):
            receipt = world.explained()
        broken = "versions" if column == "valid_from_load" else "fact"
        assert receipt.broken == [broken], receipt.to_text()
        expected = "the next one begins with load 3" if column == "valid_from_load" else f"{column} is "
        assert expected in broken_checks(receipt, broken)

    @pytest.mark.parametrize("column", OTHER_KEYS)
    def test_another_key_breaks_the_fact_because_the_row_is_missing(self, world, column):
        change = f"UPDATE crypto.fact_crypto_prices SET {column} = {OTHER_KEYS[column]} WHERE {CANDLE}"
        with world.changed("fact_crypto_prices", change):
            receipt = world.explained()
        assert receipt.broken == ["fact"], receipt.to_text()
        assert "the row is missing, but the curated files and the raw records of load 3 have it" in receipt.to_text()

    def test_a_second_copy_of_the_row_breaks_the_fact(self, world):
        copy = f"INSERT INTO crypto.fact_crypto_prices SELECT * FROM crypto.fact_crypto_prices WHERE {CANDLE}"
        with world.changed("fact_crypto_prices", copy):
            receipt = world.explained()
        assert receipt.broken == ["fact"]


class TestADamagedLog:
    @pytest.mark.parametrize("column", LOG)
    def test_another_value_breaks_the_load(self, world, column):
        change = f"UPDATE crypto.load_log SET {column} = {LOG[column]} WHERE load_number = {LOAD}"
        with world.changed("load_log", change):
            receipt = world.explained()
        assert receipt.broken == ["load"], receipt.to_text()
        value = "{}" if column == "rules" else LOG[column].strip("'").replace("TRUE", "True")
        verb = "are" if column == "rules" else "is"
        assert f"{column} {verb} {value}" in broken_checks(receipt, "load")

    @pytest.mark.parametrize("other", ["removed_because = 'no'", "source = 'coinbase'"])
    def test_a_load_of_another_kind_or_source_breaks_the_fact_that_it_wrote(self, world, other):
        change = f"UPDATE crypto.load_log SET {other} WHERE load_number = {LOAD}"
        with world.changed("load_log", change):
            assert world.explained().broken == ["fact"]

    def test_the_batch_of_another_days_load_breaks_the_fact(self, world):
        """Not the load: the record of load 4 says that it does not have this day."""
        change = f"UPDATE crypto.fact_crypto_prices SET batch_id = '{world.records[3].batch_id}' WHERE {CANDLE}"
        with world.changed("fact_crypto_prices", change):
            receipt = world.explained()
        assert receipt.broken == ["fact"], receipt.to_text()

    def test_a_missing_row_breaks_the_fact_that_it_wrote(self, world):
        with world.changed("load_log", f"DELETE FROM crypto.load_log WHERE load_number = {LOAD}"):
            receipt = world.explained()
        assert receipt.broken == ["fact"], receipt.to_text()
        assert "but load 2 of batch" in receipt.to_text()

    def test_a_load_that_a_rebuild_guessed_is_shown_as_such(self, world):
        guessed = f"UPDATE crypto.load_log SET rebuilt_from = 'manifest' WHERE load_number = {LOAD}"
        with world.changed("load_log", guessed):
            assert "guessed by a rebuild without load records" in world.explained().to_text()

    def test_the_glue_run_of_another_load_breaks_it(self, world):
        key = s3_keys.copy_manifest_key("jr_2")
        other = f"glue_job_run_id = 'jr_2', copy_manifest = 's3://{BUCKET}/{key}'"
        with world.changed("load_log", f"UPDATE crypto.load_log SET {other} WHERE load_number = {LOAD}"):
            assert world.explained().broken == ["load"]


class TestARebuiltWarehouse:
    @pytest.fixture(scope="class")
    def rebuilt(self, world):
        with world.rebuilt():
            yield world

    def test_its_numbers_are_intact_and_name_the_load_record(self, rebuilt):
        receipt = rebuilt.explained()
        # The load record has no versions of the new files.
        others = dict.fromkeys(LINKS, Outcome.OK) | {"curated": Outcome.NOT_SHOWN}
        assert outcomes(receipt) == others, receipt.to_text()
        assert f"rebuilt from its load record {record_uri(LOAD)}" in receipt.to_text()
        again = f"[not shown] a rebuild wrote the files again (Glue run jr_rebuild_{LOAD})"
        assert again in receipt.to_text()

    def test_a_former_version_and_a_removed_candle_are_intact_too(self, rebuilt):
        former = rebuilt.explained(as_of="2024-01-06T13:00")
        assert former.broken == [], former.to_text()
        assert "close 43811.900000000000000000" in former.to_text()
        removed = rebuilt.explained(at=f"{DAY}T20:00")
        assert removed.broken == [], removed.to_text()
        assert removed.answer.startswith("missing: removed by load 5")

    @pytest.mark.parametrize("column", ["glue_job_run_id", "copy_manifest", "rebuilt_from"])
    def test_a_column_that_the_rebuild_did_not_write_breaks_the_load(self, rebuilt, column):
        change = f"UPDATE crypto.load_log SET {column} = {LOG[column]} WHERE load_number = {LOAD}"
        with rebuilt.changed("load_log", change):
            assert "load" in rebuilt.explained().broken


class TestADamagedLake:
    def test_another_byte_of_the_body_breaks_the_raw_link(self, world, raw_object):
        with world.replaced(raw_object, one_other_byte):
            receipt = world.explained()
        assert receipt.broken == ["raw"], receipt.to_text()
        assert "was replaced: version " in receipt.to_text()

    def test_an_object_that_is_no_gzip_file_breaks_the_raw_link(self, world, raw_object):
        with world.replaced(raw_object, lambda content: content[:-4]):
            assert world.explained().broken == ["raw"]

    def test_a_deleted_object_breaks_the_raw_link_although_its_version_is_kept(self, world, raw_object):
        with world.deleted(raw_object):
            receipt = world.explained()
        assert receipt.broken == ["raw"]
        assert "is missing, but the recorded version still exists" in receipt.to_text()

    @pytest.mark.parametrize("key", ["url", "sha256", "fetched_at"])
    def test_another_entry_in_the_manifest_breaks_the_manifest(self, world, record, key):
        def change(content):
            document = json.loads(content)
            document["objects"][0][key] = "2024-01-08T00:01:10.000Z" if key == "fetched_at" else "0" * 64
            return json.dumps(document).encode()

        with world.replaced(record.sources[0].raw_manifest.uri, change):
            receipt = world.explained()
        assert receipt.broken == ["manifest"], receipt.to_text()

    def test_a_deleted_manifest_breaks_the_manifest(self, world, record):
        with world.deleted(record.sources[0].raw_manifest.uri):
            assert world.explained().broken == ["manifest"]

    def test_another_curated_file_breaks_the_curated_link(self, world, record):
        with world.replaced(record.curated[0].uri, lambda _content: parquet([])):
            receipt = world.explained()
        assert receipt.broken == ["curated"]
        assert "the files have the candle 0 times" in receipt.to_text()

    def test_a_file_that_is_no_parquet_breaks_the_curated_link(self, world, record):
        with world.replaced(record.curated[0].uri, lambda content: content[:-9]):
            receipt = world.explained()
        assert receipt.broken == ["curated"]
        assert "COPY cannot read the file: " in receipt.to_text()

    def test_a_deleted_curated_file_breaks_the_curated_link(self, world, record):
        with world.deleted(record.curated[0].uri):
            assert world.explained().broken == ["curated"]

    def test_another_copy_manifest_breaks_the_curated_link(self, world, record):
        with world.replaced(record.copy_manifest.uri, lambda _content: b'{"entries": []}'):
            assert world.explained().broken == ["curated"]


class TestADamagedLoadRecord:
    def test_another_value_breaks_the_chain_and_the_load(self, world, record):
        other = replace(record, code=Code("0" * 64, record.code.plugins, record.code.glue))
        with world.replaced(record_uri(LOAD), lambda _content: other.to_bytes()):
            receipt = world.explained()
        assert receipt.broken == ["load", "chain"]

    def test_another_space_breaks_the_chain(self, world):
        with world.replaced(record_uri(LOAD), lambda content: content + b" "):
            assert world.explained().broken == ["chain"]

    def test_bytes_that_are_no_record_break_the_chain(self, world):
        with world.replaced(record_uri(LOAD), lambda _content: b"{}"):
            assert world.explained().broken == ["load", "chain"]

    def test_a_missing_record_breaks_the_chain_because_the_next_one_exists(self, world):
        with world.deleted(record_uri(LOAD)):
            receipt = world.explained()
        assert receipt.broken == ["chain"]
        assert "is missing, although the next record exists" in receipt.to_text()

    @pytest.mark.parametrize("change", [lambda content: content + b" ", None])
    def test_another_or_no_record_before_it_breaks_the_chain(self, world, change):
        damage = world.replaced(record_uri(LOAD - 1), change) if change else world.deleted(record_uri(LOAD - 1))
        with damage:
            assert world.explained().broken == ["chain"]

    def test_a_record_that_is_not_written_yet_is_not_shown(self, world):
        with world.deleted(record_uri(len(world.records))):
            receipt = world.explained(at="2024-01-07T13:00")
        assert receipt.broken == []
        assert outcomes(receipt)["chain"] == Outcome.NOT_SHOWN
        assert "the load record is not written yet" in receipt.to_text()

    def test_that_no_later_record_names_the_newest_one_is_not_shown(self, world):
        receipt = world.explained(at="2024-01-07T13:00")
        assert receipt.verdict == "intact (7 of 8)"
        assert "[not shown] no later record names the hash of record 9 yet" in receipt.to_text()


class TestDamagedVersions:
    def test_a_version_that_does_not_meet_the_next_one_breaks_the_versions(self, world):
        with world.changed("price_versions", "UPDATE crypto.price_versions SET valid_to_load = 3"):
            assert world.explained().broken == ["versions"]


class TestAMissingCandle:
    def test_a_candle_that_the_exchange_omitted_has_its_gap(self, world):
        receipt = world.explained(at=f"{DAY}T07:00")
        assert receipt.answer == "missing: no_trade"
        assert receipt.broken == []
        assert "no record of the responses opens then" in receipt.to_text()

    def test_a_quarantined_candle_has_its_record_and_the_rule(self, world):
        receipt = world.explained(at=f"{DAY}T05:00")
        assert receipt.answer == "missing: quarantined (non_positive_price)"
        assert receipt.broken == []
        assert '"-1"' in receipt.to_text()

    def test_a_removed_candle_has_the_reason_of_its_removal(self, world):
        receipt = world.explained(at=f"{DAY}T20:00")
        assert receipt.answer.startswith("missing: removed by load 5 by ")
        assert "(a test print)" in receipt.answer
        assert receipt.broken == []

    def test_the_removal_agrees_with_its_record_and_the_chain(self, world):
        receipt = world.explained(at=REMOVED)
        assert outcomes(receipt)["removal"] == Outcome.OK, receipt.to_text()
        text = receipt.to_text()
        assert f"{DAY}T20:00:00Z to {DAY}T21:00:00Z" in text
        assert "[ok] record 6 names the hash of record 5" in text

    def test_a_reload_without_the_candle_keeps_the_user_and_the_reason(self, world):
        receipt = world.explained(at=f"{RELOADED_DAY}T20:00")
        assert receipt.answer.startswith("missing: removed by load 7 by ")
        assert "(an outage)" in receipt.answer
        assert receipt.broken == []
        assert outcomes(receipt)["removal"] == Outcome.OK, receipt.to_text()
        assert "8: batch " in receipt.to_text()

    def test_a_gap_does_not_hide_that_a_candle_of_a_later_load_was_deleted(self, world):
        """As if load 2 had removed the candle, although load 3 has it."""
        closed = f"UPDATE crypto.price_versions SET closed_as = 'removed' WHERE {CANDLE}"
        times = f"'{DAY} 13:00:00', '{DAY} 14:00:00'"
        gap = f"INSERT INTO crypto.candle_gaps VALUES ('binance', 'BTC', 'USDT', '1h', {times}, 1, 'removed', '{DAY}')"
        deleted = f"DELETE FROM crypto.fact_crypto_prices WHERE {CANDLE}"
        with ExitStack() as stack:
            for table, change in (("price_versions", closed), ("candle_gaps", gap), ("fact_crypto_prices", deleted)):
                stack.enter_context(world.changed(table, change))
            receipt = world.explained()
        assert "of load 3 have it, and no later removal is logged" in broken_checks(receipt, "fact")

    @pytest.mark.parametrize("column", REMOVAL_LOG)
    def test_another_value_in_the_log_breaks_the_removal(self, world, column):
        change = f"UPDATE crypto.load_log SET {column} = {REMOVAL_LOG[column]} WHERE load_number = {REMOVAL}"
        with world.changed("load_log", change):
            receipt = world.explained(at=REMOVED)
        assert receipt.broken == ["removal"], receipt.to_text()
        assert f"{column} is {REMOVAL_LOG[column].strip(chr(39))}" in broken_checks(receipt, "removal")

    def test_a_removal_of_another_market_breaks_the_fact(self, world):
        change = f"UPDATE crypto.load_log SET market_set = 'other' WHERE load_number = {REMOVAL}"
        with world.changed("load_log", change):
            receipt = world.explained(at=REMOVED)
        assert "no later removal is logged" in broken_checks(receipt, "fact")

    def test_a_removal_without_a_reason_is_no_load_of_its_number(self, world):
        change = f"UPDATE crypto.load_log SET removed_because = NULL WHERE load_number = {REMOVAL}"
        with world.changed("load_log", change):
            receipt = world.explained(at=REMOVED)
        assert "load" in receipt.broken
        assert "removed_because is None in the log, a test print in the record" in broken_checks(receipt, "load")

    @pytest.mark.parametrize(
        ("part", "value", "problem"),
        [
            ("by", "eve", "removed_by is"),
            ("because", "another reason", "removed_because is"),
            ("removed_from", f"{DAY}T21:00:00Z", "does not contain it"),
            ("removed_until", f"{DAY}T20:00:00Z", "does not contain it"),
        ],
    )
    def test_another_value_in_the_record_breaks_the_removal(self, world, part, value, problem):
        record = world.records[REMOVAL - 1]
        other = replace(record, removal=replace(record.removal, **{part: value}))
        with world.replaced(record_uri(REMOVAL), lambda _content: other.to_bytes()):
            receipt = world.explained(at=REMOVED)
        assert receipt.broken == ["removal"], receipt.to_text()
        assert problem in broken_checks(receipt, "removal")
        assert "record 6 names the hash" in broken_checks(receipt, "removal")

    def test_the_record_of_a_removal_from_another_market_breaks_the_removal(self, world):
        record = world.records[REMOVAL - 1]
        other = replace(record, sources=(replace(record.sources[0], markets=("ETH/USDT",)),))
        with world.replaced(record_uri(REMOVAL), lambda _content: other.to_bytes()):
            receipt = world.explained(at=REMOVED)
        assert "removes candles of ETH/USDT" in broken_checks(receipt, "removal")

    def test_a_missing_or_unusable_record_breaks_the_removal(self, world):
        with world.deleted(record_uri(REMOVAL)):
            missing = world.explained(at=REMOVED)
        assert "is missing, although the next record exists" in broken_checks(missing, "removal")
        with world.replaced(record_uri(REMOVAL), lambda _content: b"{}"):
            assert world.explained(at=REMOVED).broken == ["removal"]

    def test_a_removal_whose_record_is_not_written_yet_is_not_shown(self, world):
        with world.deleted(record_uri(REMOVAL)), world.deleted(record_uri(REMOVAL + 1)):
            receipt = world.explained(at=REMOVED)
        assert receipt.broken == []
        assert outcomes(receipt)["removal"] == Outcome.NOT_SHOWN
        assert "(a test print)" in receipt.answer

    def test_a_candle_that_a_forced_load_removed_has_no_removal(self, world):
        """The load link compares the forced load with its record."""
        as_load = "removed_because = NULL, removed_by = NULL"
        with world.changed("load_log", f"UPDATE crypto.load_log SET {as_load} WHERE load_number = {REMOVAL}"):
            assert "removal" not in outcomes(world.explained(at=REMOVED))

    def test_a_day_that_was_never_loaded_says_so(self, world):
        expected = (
            "INSERT INTO crypto.expected_markets VALUES ('binance', 'BTC', 'USDT', '1h', NULL, NULL, '2024-01-01'),"
            " ('binance', 'NEW', 'USDT', '1h', '2024-02-01', NULL, '2024-01-01')"
        )
        with world.changed("expected_markets", expected):
            assert (
                world.explained(at="2023-01-05T13:00").answer
                == "missing: not loaded: no load contains this market and day"
            )
            unlisted = world.explained(market="NEW/USDT")
            assert unlisted.answer == "missing: not listed: the exchange used this name from 2024-02-01"
        assert world.explained(market="NIX/USDT").answer.startswith("missing: unknown market")

    def test_a_candle_that_was_not_known_yet_is_missing_as_of_then(self, world):
        receipt = world.explained(as_of="2024-01-05T00:00")
        assert receipt.answer == "missing: no load that was visible at 2024-01-05T00:00:00Z has it"

    def test_a_gap_that_is_not_recorded_breaks_the_fact(self, world):
        with world.changed("candle_gaps", "DELETE FROM crypto.candle_gaps"):
            assert world.explained(at=f"{DAY}T07:00").broken == ["fact"]


class TestWithoutVersions:
    """The last test: S3 has forgotten the recorded version for good."""

    def test_a_body_whose_version_is_gone_breaks_the_raw_link_and_the_record(self, world, raw_object):
        bucket, key = s3_keys.split_s3_uri(raw_object)
        content = world.lake.read(raw_object)
        world.s3.put_object(Bucket=bucket, Key=key, Body=one_other_byte(content.content))
        world.s3.delete_object(Bucket=bucket, Key=key, VersionId=content.version_id)
        receipt = world.explained()
        assert receipt.broken[0] == "raw"
        assert "the body has the SHA-256 " in receipt.to_text()
