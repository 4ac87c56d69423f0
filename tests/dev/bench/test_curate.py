"""The curate rows: their input, and that the floor writes what the Glue job writes."""

from __future__ import annotations

import gzip
import json
import re

import pyarrow.parquet as pq
import pytest
from crypto_prices_contract.raw_manifest import RawManifest

from dev.bench.curate import LARGE, NOTHING, Bench, growing, measures, per_record, week
from dev.bench.options import Options
from dev.bench.raw_candles import MANIFEST, Candles, write_raw_objects

TWO_DAYS = Candles(markets=2, days=2, records_per_body=30)


@pytest.mark.parametrize(("records", "markets"), [(20_000, 2), (200_000, 20), (2_000_000, 198), (10, 1)])
def test_records_are_a_week_of_as_many_markets_as_they_take(records, markets):
    assert week(records, 24).markets == markets


def test_the_largest_size_has_more_of_one_thing():
    small, large = growing(20_000, 2_000_000)["objects"]
    assert (small.bodies, large.bodies) == (840, 83_160)
    small, large = growing(20_000, 2_000_000)["markets"]
    assert (small.markets, large.markets, large.days, large.bodies) == (119, 11_905, small.days, 11_905)
    small, large = growing(20_000, 2_000_000)["days"]
    assert (small.days, large.days, small.markets, large.markets) == (100, 1_000, 8, 83)
    for pair in growing(20_000, 2_000_000).values():
        assert [candles.records for candles in pair] == pytest.approx([20_000, 2_000_000], rel=0.05)


def test_flatness_compares_the_smallest_with_the_largest_size(tmp_path, monkeypatch):
    """One CPU second for the start, and as much per record at every size."""
    runs = []

    def run(_bench, kind, candles, **_options):
        runs.append((kind, candles.records >= LARGE))
        return {"cpu_seconds": 1 + candles.records / 1e5, "spilled_mb": 0.0, "output": "x"}

    monkeypatch.setattr(Bench, "run", run)
    options = Options(records=(20_000, 200_000, 2_000_000), rounds=3, large_rounds=2)
    rows = list(measures(options, lambda _text: None))
    flat = [row for row in rows if "per million records" in row.name]
    assert len(flat) == 4
    for row in flat:
        assert row.ratio == pytest.approx(1, rel=0.01)
        assert re.search("(1,9|2,0).* compared with (19|2.),", row.name)
    assert runs.count(("floor", True)) == 2 * 2 + 1  # two cases, and the spill


def test_the_time_per_record_leaves_out_the_start():
    small, large = Candles(1, 10, 24), Candles(1, 100, 24)
    measure = per_record("10 times the days", {NOTHING: 5.0, small: 5.24, large: 7.4}, small, large)
    assert (measure.peer, measure.ours, measure.ratio) == pytest.approx((1000, 1000, 1))


def test_a_small_run_that_took_no_longer_than_the_start_proves_nothing():
    small, large = Candles(1, 10, 24), Candles(1, 100, 24)
    measure = per_record("10 times the days", {NOTHING: 5.0, small: 4.9, large: 7.4}, small, large)
    assert not measure.is_met


def test_the_manifest_names_all_candles(tmp_path):
    write_raw_objects(TWO_DAYS, tmp_path / "raw")
    path = tmp_path / "raw" / MANIFEST
    manifest = RawManifest.from_json(path.as_uri(), json.loads(path.read_text()))
    assert manifest.records == TWO_DAYS.records == 96
    assert [raw_object.records for raw_object in manifest.objects] == [30, 18] * 2
    first = json.loads(gzip.decompress((tmp_path / "raw" / "M00000USDT-0001.json.gz").read_bytes()))
    assert len(first) == 30
    assert first[1][0] - first[0][0] == 3_600_000


def rows(folder):
    files = sorted(folder.rglob("*.parquet"))
    return [
        {name: value for name, value in row.items() if name not in ("batch_id", "ingested_at", "raw_object")}
        for file in files
        for row in pq.ParquetFile(file).read().to_pylist()
    ]


@pytest.fixture(scope="module")
def outputs(starts_spark, tmp_path_factory):
    """The results of all programs, by name."""
    bench = Bench(tmp_path_factory.mktemp("bench"), lambda text: None)
    found = {kind: bench.run(kind, TWO_DAYS, keep=True) for kind in ("curate", "floor")}
    version = found["curate"]["output"]
    return found | {"carry": bench.run("carry", TWO_DAYS, keep=True, published=version)}


@pytest.mark.parametrize("kind", ["floor", "carry"])
def test_every_program_writes_the_same_rows_in_the_same_order(outputs, kind, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp()
    ours, theirs = (rows(folder.joinpath(outputs[name]["output"])) for name in ("curate", kind))
    assert len(ours) == TWO_DAYS.records
    assert theirs == ours


def test_the_time_of_a_run_includes_its_jvm(outputs):
    for spent in outputs.values():
        assert "java" in spent["programs"]
        assert spent["cpu_seconds"] > 0
