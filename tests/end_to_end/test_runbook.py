"""A sample of ``make chaos``, and the recipes of docs/how-to/operate.md, on a real scheduler.

All tests share one Airflow and one local AWS, and some build on earlier ones. Tests that take most of a minute run only
with LONG_TESTS: LONG_TESTS=1 make test
"""

import gzip
import json
import random
import re
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import jwt
import pytest
import requests
from sqlalchemy import create_engine, func, inspect, select
from sqlalchemy import text as sql_text

from dev.chaos import checks
from dev.chaos.bench import DAG_ID, logical_date
from dev.chaos.boundaries import EVERY_EFFECT, family
from dev.chaos.cases import NOTHING_BROKEN, Case, Recovery
from dev.chaos.command import shown_by
from dev.chaos.faults import Fault, Kind
from dev.chaos.guards import GUARDS
from dev.chaos.waves import Waves
from local_platform.airflow_services.api import AirflowApiError
from tests.support.bench_runs import Since, assert_green, log_of, wait
from tests.support.long_tests import LONG_TESTS, takes_long

pytestmark = pytest.mark.timeout(3600)

DAY = date(2023, 3, 2)
WINDOW, BACKFILL, MARTS = "crypto_prices_window", "crypto_prices_backfill", "crypto_prices_marts"

# The operations with side effects that a task calls when it is cleared alone, and no others.
WORK = {
    "resolve_window": {"PutObject"},
    "ensure_schema": {"ExecuteStatement"},
    "fetch_prices": {"PutObject"},
    "plan_load": {"ExecuteStatement"},
    "curate_prices": {"StartJobRun"},
    "read_curation_report": set(),
    # Airflow also clears the setup and the teardown of a cleared task.
    "copy_to_staging": {"BatchExecuteStatement", "ExecuteStatement"},
    "check_staging": {"BatchExecuteStatement", "ExecuteStatement"},
    "merge_into_fact": {"BatchExecuteStatement", "ExecuteStatement"},
    "publish_partitions": {"ExecuteStatement", "BatchCreatePartition", "BatchUpdatePartition"},
    "record_load": {"BatchExecuteStatement"},
    "write_load_records": {"ExecuteStatement", "PutObject"},
    "wait_for_partition": set(),
    "drop_staging": {"ExecuteStatement"},
    "reconcile": {"ExecuteStatement", "PutMetricData"},
    "require_sources": set(),
}
# Each task is cleared after the ones above it. A second curation is loaded by the merge and published after that.
BEFORE_PUBLISHING = ("merge_into_fact",)
# Tasks whose statements the harness recognizes.
WITH_STATEMENTS = {effect.removeprefix("submit ") for effect in EVERY_EFFECT if effect.startswith("submit ")}
READS = {"read_curation_report": "GetObject", "wait_for_partition": "GetPartitions"}


CLEAN = Case(NOTHING_BROKEN, None, Recovery.RETRY, forced=False)
SAMPLE = [
    Case("complete curated file #1", Kind.KILLED, Recovery.RETRY),
    Case("merge_into_fact: commit", Kind.REFUSED, Recovery.CLEAR_FAILED),
    Case("submit copy_to_staging", Kind.LOST, Recovery.SECOND_RUN),
]
GUARDS_OFF = ("skip-same-content-only", "replace-not-append") if LONG_TESTS else ("skip-same-content-only",)


@pytest.fixture(scope="module")
def outcomes(bench):
    """Run one wave: a load without a fault, the sample, and the cases without a guard."""
    assert not any(GUARDS[name].disturbs for name in GUARDS_OFF)
    # The case with two runs comes first, so the load without a fault has the second day.
    waves = Waves(bench, first_day=DAY - timedelta(days=1))
    waves.load_into_empty_warehouse()
    return {
        outcome.case: outcome for outcome in waves.run([CLEAN, *SAMPLE, *(GUARDS[name].off for name in GUARDS_OFF)])
    }


@pytest.fixture(scope="module")
def loaded(bench, outcomes):
    """Return the id of a successful run of one day."""
    clean = outcomes[CLEAN]
    assert (clean.day, clean.problem, clean.differences) == (DAY, None, [])
    return f"once__{DAY}__{CLEAN.name}"


def test_a_load_without_a_fault_has_every_effect_that_can_be_broken(bench, loaded):
    seen = bench.faults.seen(DAY)
    assert {family(name) for name in seen} >= EVERY_EFFECT
    assert {case.boundary for case in SAMPLE} <= set(seen)


def log(bench, dag_id, run_id, task_id, map_index=-1):
    (task,) = [
        task
        for task in bench.api.task_instances(dag_id, run_id)
        if (task["task_id"], task["map_index"]) == (task_id, map_index)
    ]
    return log_of(bench, dag_id, run_id, task)


def tries(bench, run_id):
    return {task["task_id"]: task["try_number"] for task in bench.api.task_instances(DAG_ID, run_id)}


def states(bench, dag_id, run_id):
    return {task["task_id"]: task["state"] for task in bench.api.task_instances(dag_id, run_id)}


def differences_from_a_clean_load(bench, day):
    """Return how a day's warehouse rows and lake objects differ from those of one clean load."""
    found = checks.read_days(bench, [day])[day]
    seeded = day == DAY  # by the wave
    return [
        *checks.warehouse_differences(day, found, seeded=seeded),
        *checks.lake_differences(bench, day, found, seeded=seeded),
    ]


def assert_right(bench, day):
    assert differences_from_a_clean_load(bench, day) == []
    # A merge that another test lets fail keeps its staging table.
    assert not {day, None} & set(checks.left_over_staging(bench).values())


@pytest.mark.parametrize("case", SAMPLE, ids=lambda case: case.name)
def test_the_warehouse_is_correct_after_each_fault(outcomes, case):
    outcome = outcomes[case]
    assert outcome.problem is None, outcome.problem
    assert outcome.differences == []


@pytest.mark.parametrize("name", GUARDS_OFF)
def test_a_missing_guard_is_noticed(outcomes, name):
    outcome = outcomes[GUARDS[name].off]
    assert outcome.problem is None, outcome.problem
    assert shown_by(outcome), outcome.differences


@pytest.mark.parametrize("task_id", WORK)
def test_a_task_cleared_alone_does_its_work_again(bench, loaded, task_id):
    since, before, seen = Since(bench), tries(bench, loaded), len(bench.faults.seen(DAY))
    cleared = bench.api.clear_tasks(DAG_ID, loaded, [task_id])
    assert task_id in {task["task_id"] for task in cleared}
    assert_green(bench, DAG_ID, loaded)
    assert since.effects() == WORK[task_id]
    if task_id in READS:
        assert since.operations()[READS[task_id]] >= 1
    again = {task for task, number in tries(bench, loaded).items() if number > before[task]}
    assert again - {"copy_to_staging", "drop_staging"} == {task_id} - {"copy_to_staging", "drop_staging"}
    assert task_id in again
    submitted = {effect for effect in bench.faults.seen(DAY)[seen:] if effect.startswith("submit ")}
    assert submitted == {f"submit {task}" for task in again & WITH_STATEMENTS}
    found = [*differences_from_a_clean_load(bench, DAY), *checks.left_over_staging(bench)]
    if task_id in BEFORE_PUBLISHING:
        assert [difference.partition(" jr_")[0] for difference in found] == ["the catalog shows Glue run"]
    else:
        assert found == []


def test_clearing_one_source_with_downstream_fetches_and_loads_it_again(bench, loaded):
    since = Since(bench)
    bench.api.clear_tasks(DAG_ID, loaded, [("fetch_prices", 0)], downstream=True)
    assert_green(bench, DAG_ID, loaded)
    made = since.operations({"PutObject", "StartJobRun"})
    assert made["PutObject"]
    assert made["StartJobRun"] == 1
    assert "because the run was cleared" in log(bench, DAG_ID, loaded, "plan_load")
    assert_right(bench, DAY)


def test_clearing_curation_curates_the_same_fetch_again(bench, loaded):
    since, before = Since(bench), tries(bench, loaded)
    bench.api.clear_tasks(DAG_ID, loaded, ["curate_prices"], downstream=True)
    assert_green(bench, DAG_ID, loaded)
    # The object is the load's record; a fetch would write several.
    assert since.operations({"PutObject", "StartJobRun"}) == {"PutObject": 1, "StartJobRun": 1}
    again = [task for task, number in tries(bench, loaded).items() if number > before[task]]
    assert sorted(again) == sorted(list(WORK)[list(WORK).index("curate_prices") :])
    assert_right(bench, DAY)


def test_clearing_the_merge_restores_rows_deleted_by_hand(bench, loaded):
    bench.warehouse.rows(f"DELETE FROM crypto.fact_crypto_prices WHERE TRUNC(observed_at) = '{DAY}' AND symbol = 'ETH'")
    bench.api.clear_tasks(DAG_ID, loaded, ["merge_into_fact"], downstream=True)
    assert_green(bench, DAG_ID, loaded)
    assert_right(bench, DAY)


def test_a_manual_run_of_a_loaded_day_is_skipped_unless_reload_is_set(bench, loaded):
    since = Since(bench)
    for run_id, reload in (("again", False), ("reloaded", True)):
        bench.api.trigger(DAG_ID, run_id=run_id, conf={"day": DAY.isoformat(), "reload": reload})
    for run_id in ("again", "reloaded"):
        assert_green(bench, DAG_ID, run_id)
    assert "the warehouse already holds exactly this content" in log(bench, DAG_ID, "again", "plan_load")
    assert states(bench, DAG_ID, "again")["curate_prices"] == "skipped"
    assert since.operations({"StartJobRun"}) == {"StartJobRun": 1}
    assert_right(bench, DAY)


@pytest.mark.parametrize(
    ("conf", "message"),
    [
        ({}, "logical date"),
        ({"day": (datetime.now(UTC).date() + timedelta(days=2)).isoformat()}, "not ended"),
    ],
    ids=["no day", "a day to come"],
)
def test_a_manual_run_without_a_finished_day_fails_before_any_work(bench, conf, message):
    run_id = f"refused__{len(conf)}"
    since = Since(bench)
    bench.api.trigger(DAG_ID, run_id=run_id, conf=conf)
    assert wait(bench, DAG_ID, run_id)["state"] == "failed"
    lines = log(bench, DAG_ID, run_id, "resolve_window").splitlines()
    assert message in "\n".join(lines)
    # Airflow ends its own group after that, which is shown collapsed.
    *_, end_of_group, what, where, what_to_do, end = [re.sub(r"^\S+ (INFO|ERROR) ", "", line) for line in lines]
    assert end_of_group.startswith("::endgroup::")
    assert what.startswith("What: ")
    assert message in what
    assert where.startswith(f"Where: task resolve_window of {DAG_ID}")
    assert re.match(r"What to do: .*docs/how-to/troubleshoot\.md#resolve_window", what_to_do)
    assert end.startswith("::endgroup::")
    assert since.operations({"PutObject", "StartJobRun", "ExecuteStatement"}) == {}


def test_the_trigger_rejects_an_invalid_day(bench):
    with pytest.raises(AirflowApiError, match="day"):
        bench.api.trigger(DAG_ID, run_id="nonsense", conf={"day": "tomorrow"})


def wait_until_deferred(bench, run_id, task_id):
    deadline = time.monotonic() + 600
    while states(bench, DAG_ID, run_id).get(task_id) != "deferred":
        assert time.monotonic() < deadline
        time.sleep(0.1)


@takes_long
def test_killing_a_task_stops_its_glue_run(bench):
    day, run_id, since = date(2023, 3, 10), "stopped", Since(bench)
    # The Glue run must still be running when the task is killed.
    bench.faults.arm(Fault(day, "upload curated file #1", Kind.SLOW))
    bench.api.trigger(DAG_ID, logical_date=logical_date(day), run_id=run_id)
    since.wait_for("StartJobRun")
    wait_until_deferred(bench, run_id, "curate_prices")
    since.wait_for("GetJobRun")  # the triggerer now watches the Glue run; nothing could stop it before
    bench.api.set_task_state(DAG_ID, run_id, "curate_prices", "failed")
    deadline = time.monotonic() + 600
    glue = bench.client("glue")
    while (newest := glue.get_job_runs(JobName=bench.names.glue_job)["JobRuns"][0])["JobRunState"] != "STOPPED":
        assert newest["JobRunState"] in ("STARTING", "RUNNING", "STOPPING")
        assert time.monotonic() < deadline
        time.sleep(0.2)
    bench.faults.disarm(day)
    wait(bench, DAG_ID, run_id)
    bench.api.clear_run(DAG_ID, run_id, only_failed=True)
    assert_green(bench, DAG_ID, run_id)
    assert_right(bench, day)


@takes_long
def test_killing_a_task_cancels_its_statement(bench, loaded):
    with bench.holding("crypto.load_lock"):
        since = Since(bench)
        bench.api.clear_tasks(DAG_ID, loaded, ["merge_into_fact"])
        wait_until_deferred(bench, loaded, "merge_into_fact")
        Since(bench).wait_for("DescribeStatement")
        bench.api.set_task_state(DAG_ID, loaded, "merge_into_fact", "failed")
        since.wait_for("CancelStatement")
    wait(bench, DAG_ID, loaded)
    bench.api.clear_tasks(DAG_ID, loaded, ["merge_into_fact"], downstream=True)
    assert_green(bench, DAG_ID, loaded)
    assert_right(bench, DAY)


@takes_long
def test_a_deferred_task_that_times_out_cancels_its_statement(bench, loaded):
    """Airflow then calls no on_kill: the scheduler resumes the task only to fail it."""
    with bench.holding("crypto.load_lock"):
        since = Since(bench)
        bench.api.clear_tasks(DAG_ID, loaded, ["merge_into_fact"], downstream=True)
        wait_until_deferred(bench, loaded, "merge_into_fact")
        engine = create_engine(bench.airflow.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
        with engine.begin() as connection:
            connection.execute(
                sql_text("UPDATE task_instance SET trigger_timeout = now() WHERE task_id = :task AND run_id = :run"),
                {"task": "merge_into_fact", "run": loaded},
            )
        engine.dispose()
        since.wait_for("CancelStatement")
    # The task's retry merges.
    assert_green(bench, DAG_ID, loaded)
    assert_right(bench, DAY)


FIRST, LAST = date(2023, 4, 3), date(2023, 4, 5)
SPAN = {"start": FIRST.isoformat(), "end": (LAST + timedelta(days=1)).isoformat()}


def test_a_dry_run_shows_plan_and_price_and_starts_nothing(bench, loaded):
    since = Since(bench)
    conf = {"start": "2023-02-25", "end": "2023-03-02", "dry_run": True}
    bench.api.trigger(BACKFILL, run_id="dry", conf=conf)
    assert_green(bench, BACKFILL, "dry")
    plan = log(bench, BACKFILL, "dry", "plan_backfill")
    assert "[2023-02-25, 2023-03-02): 5 days" in plan
    assert re.search(r"to load +4 days in 1 window\b", plan)
    assert re.search(r"API requests +at least 2\b", plan)
    assert re.search(r"skipped +\[2023-03-01, 2023-03-02\): .*20230301-20230302-", plan)
    assert "DPU-minutes" in plan
    assert re.search(r"price +about \$\d", plan)
    assert since.operations({"StartJobRun", "PutObject"}) == {}
    assert bench.api.dag_runs(WINDOW) == []


def test_a_backfill_loads_its_days_with_one_glue_run_per_window(bench):
    since = Since(bench)
    bench.api.trigger(BACKFILL, run_id="three-days", conf=SPAN | {"chunk_days": 2})
    assert_green(bench, BACKFILL, "three-days")
    assert since.operations({"StartJobRun"}) == {"StartJobRun": 2}
    notes = {run["note"] for run in bench.api.dag_runs(WINDOW) if "20230403-20230405" in run["dag_run_id"]}
    assert notes == {f"Days [2023-04-03, 2023-04-05) of binance, started by {BACKFILL}, run three-days"}
    days = [FIRST + timedelta(days=n) for n in range(3)]
    found = checks.read_days(bench, days)
    assert all(found[day].rows == checks.expected_rows(day) for day in days)


@takes_long
def test_repeating_a_backfill_loads_nothing(bench):
    since = Since(bench)
    bench.api.trigger(BACKFILL, run_id="nothing", conf=SPAN)
    assert_green(bench, BACKFILL, "nothing")
    assert re.search(r"to load +0 days in 0 windows", log(bench, BACKFILL, "nothing", "plan_backfill"))
    assert since.operations({"StartJobRun", "PutObject"}) == {}


@takes_long
def test_reload_never_deletes_candles_but_force_does(bench):
    surplus = f"symbol = 'BTC' AND observed_at = '{FIRST} 05:30:00'"
    bench.warehouse.rows(
        "INSERT INTO crypto.fact_crypto_prices (source, symbol, quote_currency, candle_interval, observed_at, "
        "open_price, high_price, low_price, close_price, base_volume, quote_volume, trade_count, raw_object, "
        f"ingested_at, batch_id) VALUES ('binance', 'BTC', 'USDT', '1h', '{FIRST} 05:30:00', 1, 1, 1, 1, 1, 1, 1, "
        "'s3://surplus', GETDATE(), 'surplus')"
    )
    one_day = {"start": FIRST.isoformat(), "end": (FIRST + timedelta(days=1)).isoformat()}
    since = Since(bench)
    bench.api.trigger(BACKFILL, run_id="reload", conf=one_day | {"reload": True})
    assert wait(bench, BACKFILL, "reload")["state"] == "failed"
    assert since.operations({"StartJobRun"}) == {"StartJobRun": 1}
    (refused,) = [run["dag_run_id"] for run in bench.api.dag_runs(WINDOW) if run["conf"].get("reload")]
    assert "CP-07" in log(bench, WINDOW, refused, "merge_into_fact")
    kept = bench.warehouse.rows(f"SELECT batch_id FROM crypto.fact_crypto_prices WHERE {surplus}")
    assert kept == [{"batch_id": "surplus"}]

    bench.api.trigger(WINDOW, run_id="force", conf=one_day | {"force": True})
    assert_green(bench, WINDOW, "force")
    found = checks.read_days(bench, [FIRST])
    assert found[FIRST].rows == checks.expected_rows(FIRST)


@takes_long
def test_clearing_one_window_of_a_backfill_loads_it_again(bench):
    since = Since(bench)
    bench.api.clear_tasks(BACKFILL, "three-days", [("load_windows", 0)])
    assert_green(bench, BACKFILL, "three-days")
    assert since.operations({"StartJobRun"}) == {"StartJobRun": 1}
    found = checks.read_days(bench, [FIRST])
    assert found[FIRST].rows == checks.expected_rows(FIRST)


@takes_long
def test_airflows_own_backfill_from_the_command_line(bench):
    """Days run backwards, one at a time. One day fails, and a second backfill runs only that day again."""
    first, bad, last = days = [date(2023, 3, 20) + timedelta(days=n) for n in range(3)]
    bench.faults.arm(Fault(bad, "submit plan_load", Kind.REFUSED, times=None))
    create_backfill(bench, first, last, "--max-active-runs", "1", "--run-backwards")
    runs = {day: only_run(bench, day) for day in days}
    # Airflow's grid shows the id, and not the logical date.
    assert runs == {day: f"backfill__{day}" for day in days}
    found = {day: wait(bench, DAG_ID, run_id) for day, run_id in runs.items()}
    assert {run["run_type"] for run in found.values()} == {"backfill"}
    assert [found[day]["state"] for day in days] == ["success", "failed", "success"]
    assert found[last]["start_date"] < found[bad]["start_date"] < found[first]["start_date"]

    bench.faults.disarm(bad)
    wait_for_closed_backfills(bench)
    before, since = {day: tries(bench, run_id) for day, run_id in runs.items()}, Since(bench)
    create_backfill(bench, first, last, "--max-active-runs", "4", "--reprocess-behavior", "failed")
    assert only_run(bench, bad) == runs[bad]
    assert_green(bench, DAG_ID, runs[bad])
    assert since.operations({"StartJobRun"}) == {"StartJobRun": 1}
    for day in days:
        assert (tries(bench, runs[day]) == before[day]) == (day != bad)
        assert_right(bench, day)


def create_backfill(bench, first, last, *options):
    command = [sys.executable, "-m", "airflow", "backfill", "create", "--dag-id", DAG_ID, *options]
    command += ["--from-date", str(first), "--to-date", str(last)]
    done = subprocess.run(command, env=bench.airflow.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def only_run(bench, day):
    (run,) = bench.api.dag_runs(DAG_ID, first=logical_date(day), last=logical_date(day))
    return run["dag_run_id"]


def wait_for_closed_backfills(bench, seconds=600):
    """Wait until no backfill is open. Airflow closes them on a slow timer and rejects a second one until then."""
    deadline = time.monotonic() + seconds
    while any(backfill["completed_at"] is None for backfill in bench.api.backfills(DAG_ID)):
        assert time.monotonic() < deadline
        time.sleep(1)


@takes_long
def test_the_audit_heals_random_holes_with_exactly_the_planned_requests(bench):
    """Holes in the fact table, in the raw zone and in days never fetched are filled; complete days are not fetched."""
    rng, unfetched = random.Random(7), LAST + timedelta(days=1)
    symbol, hours = rng.choice(["BTC", "ETH"]), rng.sample(range(24), 5)
    times = ", ".join(f"'{FIRST} {hour:02d}:00:00'" for hour in hours)
    bench.warehouse.rows(
        f"DELETE FROM crypto.fact_crypto_prices WHERE symbol = '{symbol}' AND observed_at IN ({times})"
    )
    (newest,) = bench.warehouse.rows(
        f"SELECT raw_manifest FROM crypto.etl_metadata WHERE window_start = '{LAST}' ORDER BY load_number DESC LIMIT 1"
    )
    prefix = str(newest["raw_manifest"]).removeprefix(f"s3://{bench.names.bucket}/").removesuffix("manifest.json")
    s3 = bench.client("s3")
    landed = s3.list_objects_v2(Bucket=bench.names.bucket, Prefix=prefix)["Contents"]
    s3.delete_object(Bucket=bench.names.bucket, Key=rng.choice(landed)["Key"])

    exchange = f"{bench.names.endpoint}/exchange/_requests"
    requests.delete(exchange, timeout=10).raise_for_status()
    conf = {"start": FIRST.isoformat(), "end": (unfetched + timedelta(days=1)).isoformat(), "restatement_sample": 0}
    bench.api.trigger("crypto_prices_audit", run_id="holes", conf=conf)
    assert_green(bench, "crypto_prices_audit", "holes")
    plan = log(bench, "crypto_prices_audit", "holes", "plan_healing")
    planned = re.search(r"windows +(\d+), with at least (\d+) API requests", plan)
    assert planned, plan
    # One market of the first day, and both markets of the window of the last day and the day after it.
    assert (int(planned[1]), int(planned[2])) == (2, 1 + 2)
    made = [entry for entry in requests.get(exchange, timeout=10).json()["requests"] if entry["symbol"]]
    assert sum(entry["count"] for entry in made) == int(planned[2])
    days = [FIRST + timedelta(days=n) for n in range(4)]
    found = checks.read_days(bench, days)
    assert all(found[day].rows == checks.expected_rows(day) for day in days)
    until = unfetched + timedelta(days=1)
    missing = f"SELECT * FROM crypto.missing_candles WHERE observed_on >= '{FIRST}' AND observed_on < '{until}'"
    assert bench.warehouse.rows(missing) == []


@takes_long
def test_the_audit_finds_and_reloads_exactly_the_day_that_the_exchange_has_restated(bench):
    """All days of both markets are compared. The exchange has changed one candle of one market on each of them."""
    faults = f"{bench.names.endpoint}/exchange/_faults"
    before = requests.get(faults, timeout=10).json()["faults"]
    restated = {"kind": "restated_rows", "source": "binance", "symbol": "ETHUSDT", "times": None, "hour": 7}
    candle = (
        "SELECT close_price, batch_id FROM crypto.fact_crypto_prices "
        f"WHERE symbol = 'ETH' AND observed_at = '{FIRST} 07:00'"
    )
    others = (
        "SELECT * FROM crypto.fact_crypto_prices WHERE symbol <> 'ETH' OR "
        f"observed_at < '{FIRST}' OR observed_at >= '{FIRST + timedelta(days=1)}' "
        "ORDER BY source, symbol, observed_at"
    )
    (old,), kept = bench.warehouse.rows(candle), bench.warehouse.rows(others)
    conf = {"start": FIRST.isoformat(), "end": (FIRST + timedelta(days=1)).isoformat(), "restatement_sample": 10}
    requests.put(faults, json={"faults": [restated]}, timeout=10).raise_for_status()
    try:
        for run_id, windows in (("restated", 1), ("compared-again", 0)):
            bench.api.trigger("crypto_prices_audit", run_id=run_id, conf=conf)
            assert_green(bench, "crypto_prices_audit", run_id)
            plan = log(bench, "crypto_prices_audit", run_id, "plan_healing")
            assert re.search(rf"windows +{windows}, with at least {windows} API request", plan), plan
    finally:
        known = [{name: fault[name] for name in ("kind", "source", "symbol", "times")} for fault in before]
        requests.put(faults, json={"faults": known}, timeout=10).raise_for_status()
    (new,) = bench.warehouse.rows(candle)
    assert Decimal(new["close_price"]) - Decimal(old["close_price"]) == Decimal("0.00000001")
    assert new["batch_id"] != old["batch_id"]
    assert bench.warehouse.rows(others) == kept
    found = bench.warehouse.rows(
        "SELECT run_id, symbol, status, candles_changed FROM crypto.restatement_checks ORDER BY run_id, symbol"
    )
    assert [tuple(row.values()) for row in found if row["run_id"] == "restated"] == [
        ("restated", "BTC", "same", 0), ("restated", "ETH", "differs", 1),
    ]  # fmt: skip
    again = [(row["symbol"], row["status"]) for row in found if row["run_id"] == "compared-again"]
    # The run was due after the load, and the day of ETH was loaded again.
    assert again == [("BTC", "same"), ("ETH", "same")]
    # Load the exchange's usual candles again.
    bench.api.trigger("crypto_prices_audit", run_id="usual-again", conf=conf)
    assert_green(bench, "crypto_prices_audit", "usual-again")
    assert bench.warehouse.rows(candle)[0]["close_price"] == old["close_price"]


class TestSeveralSources:
    DAY, RUN_ID = date(2023, 3, 12), "three-sources"
    KEY = "planted-key-0123456789abcdef"

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def sources(cls, bench):
        """Add two sources to the settings: CoinGecko requires a key, and Coinbase does not know one product."""
        manager, url = bench.client("secretsmanager"), f"{bench.names.endpoint}/exchange"
        before = manager.get_secret_value(SecretId=bench.names.settings_secret)["SecretString"]
        settings = json.loads(before)
        settings["sources"] |= {
            "coinbase": {"symbols": ["BTC-USD", "ETH-USD"], "api_url": f"{url}/coinbase"},
            "coingecko": {
                "symbols": ["bitcoin"],
                "api_url": f"{url}/coingecko",
                "connection_id": "coingecko",
                "requests_per_second": 100,
            },
        }
        manager.create_secret(
            Name="airflow/connections/coingecko",
            SecretString=json.dumps({"conn_type": "http", "password": cls.KEY}),
        )
        manager.put_secret_value(SecretId=bench.names.settings_secret, SecretString=json.dumps(settings))
        faults = requests.get(f"{url}/_faults", timeout=10).json()["faults"]
        unknown = {"kind": "unknown_symbol", "source": "coinbase", "symbol": "ETH-USD", "times": None}
        requests.put(f"{url}/_faults", json={"faults": [unknown]}, timeout=10).raise_for_status()
        requests.put(f"{url}/_rules", json={"coingecko_api_key": cls.KEY}, timeout=10).raise_for_status()
        yield
        requests.delete(f"{url}/_rules", timeout=10).raise_for_status()
        known = [{name: fault[name] for name in ("kind", "source", "symbol", "times")} for fault in faults]
        requests.put(f"{url}/_faults", json={"faults": known}, timeout=10).raise_for_status()
        manager.put_secret_value(SecretId=bench.names.settings_secret, SecretString=before)

    def rows(self, bench, day=DAY):
        found = bench.warehouse.rows(
            "SELECT source, symbol || '/' || quote_currency AS market, COUNT(*) AS total "
            f"FROM crypto.fact_crypto_prices WHERE TRUNC(observed_at) = '{day}' "
            "GROUP BY source, symbol || '/' || quote_currency"
        )
        return {(row["source"], row["market"]): row["total"] for row in found}

    def test_one_failed_source_does_not_block_the_others_and_the_run_fails(self, bench):
        conf = {"start": self.DAY.isoformat(), "end": (self.DAY + timedelta(days=1)).isoformat()}
        bench.api.trigger(WINDOW, run_id=self.RUN_ID, conf=conf)
        assert wait(bench, WINDOW, self.RUN_ID)["state"] == "failed"
        failed = bench.api.task_instances(WINDOW, self.RUN_ID, states=["failed"])
        which = {(task["task_id"], task["map_index"]) for task in failed}
        assert which == {("fetch_prices", 1), ("require_sources", -1)}
        assert "ETH-USD" in log(bench, WINDOW, self.RUN_ID, "fetch_prices", 1)
        assert "coinbase was not fetched" in log(bench, WINDOW, self.RUN_ID, "require_sources")
        assert self.rows(bench) == {
            ("binance", "BTC/USDT"): 24, ("binance", "ETH/USDT"): 24, ("coingecko", "BTC/USD"): 24,
        }  # fmt: skip

    def test_clearing_the_failed_source_with_downstream_loads_it(self, bench):
        requests.put(f"{bench.names.endpoint}/exchange/_faults", json={"faults": []}, timeout=10).raise_for_status()
        bench.api.clear_tasks(WINDOW, self.RUN_ID, [("fetch_prices", 1)], downstream=True)
        assert_green(bench, WINDOW, self.RUN_ID)
        assert self.rows(bench) == {
            ("binance", "BTC/USDT"): 24, ("binance", "ETH/USDT"): 24, ("coingecko", "BTC/USD"): 24,
            ("coinbase", "BTC/USD"): 24, ("coinbase", "ETH/USD"): 24,
        }  # fmt: skip

    @takes_long
    def test_malformed_responses_of_one_source_do_not_block_the_others_and_can_be_accepted(self, bench):
        day, why = self.DAY + timedelta(days=1), "their outage of that day"
        prices = ["null_price", "nan_price", "text_price", "empty_price", "negative_price"]
        malformed = {"kind": "malformed_rows", "source": "coinbase", "times": None, "malformations": prices}
        faults = f"{bench.names.endpoint}/exchange/_faults"
        requests.put(faults, json={"faults": [malformed]}, timeout=10).raise_for_status()
        conf = {"start": day.isoformat(), "end": (day + timedelta(days=1)).isoformat()}
        bench.api.trigger(WINDOW, run_id="malformed", conf=conf)
        assert wait(bench, WINDOW, "malformed")["state"] == "failed"
        failed = bench.api.task_instances(WINDOW, "malformed", states=["failed"])
        assert [task["task_id"] for task in failed] == ["require_sources"]
        assert "coinbase: CP-11" in log(bench, WINDOW, "malformed", "require_sources")
        others = {("binance", "BTC/USDT"): 24, ("binance", "ETH/USDT"): 24, ("coingecko", "BTC/USD"): 24}
        assert self.rows(bench, day) == others
        accepted = {"accepted_sources": ["coinbase"], "accepted_because": why}
        bench.api.trigger(WINDOW, run_id="accepted", conf=conf | accepted)
        assert_green(bench, WINDOW, "accepted")
        assert self.rows(bench, day) == others | {("coinbase", "BTC/USD"): 19, ("coinbase", "ETH/USD"): 19}
        (load,) = bench.warehouse.rows(
            "SELECT source, accepted_by, accepted_because, rows_quarantined FROM crypto.etl_metadata "
            "WHERE accepted_because IS NOT NULL"
        )
        assert (load["source"], load["accepted_because"]) == ("coinbase", why)
        assert load["accepted_by"]
        gaps = bench.warehouse.rows(
            f"SELECT DISTINCT reason FROM crypto.missing_candles WHERE observed_on = '{day}' AND reason <> 'unfetched'"
        )
        assert [gap["reason"] for gap in gaps] == ["quarantined"]

    def test_the_api_key_is_not_stored_anywhere(self, bench):
        """Search logs, XComs, objects of the lake, the warehouse and the call log."""
        key = self.KEY.encode()
        logs = [path for path in bench.state_dir.rglob("*.log") if path.is_file()]
        assert any("fetch_prices" in str(path) for path in logs)
        leaks = [path for path in (*logs, bench.state_dir / "calls.jsonl") if key in path.read_bytes()]
        assert leaks == []
        s3, bucket = bench.client("s3"), bench.names.bucket
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="")
        for item in (item for page in pages for item in page.get("Contents", [])):
            body = s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()
            text = gzip.decompress(body) if item["Key"].endswith(".gz") else body
            assert key not in text, item["Key"]
            assert key not in body, item["Key"]
        assert tables_containing(bench.airflow.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"], self.RUN_ID) != []
        assert tables_containing(bench.airflow.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"], self.KEY) == []
        assert not [row for row in bench.warehouse.rows("SELECT * FROM crypto.etl_metadata") if self.KEY in str(row)]


def tables_containing(database_url, text):
    """Return the tables of a PostgreSQL database that contain a text in any column."""
    engine = create_engine(database_url)
    try:
        tables = inspect(engine).get_table_names()
        with engine.connect() as connection:
            return [
                table
                for table in tables
                if connection.scalar(
                    select(func.count()).select_from(sql_text(f'"{table}" AS t')).where(sql_text("t::text LIKE :text")),
                    {"text": f"%{text}%"},
                )
            ]
    finally:
        engine.dispose()


class TestPage:
    """The page *Crypto prices* in the real Airflow.

    The local Airflow signs in everyone without a token, so tests/plugins/crypto_prices/page/test_web_app.py shows what
    an ended session gets.
    """

    @staticmethod
    def get(bench, path="", token=None):
        headers = {"Accept": "text/html"} | ({"Cookie": f"_token={token}"} if token else {})
        return requests.get(
            f"{bench.airflow.url}/crypto-prices/{path}", headers=headers, timeout=30, allow_redirects=False
        )

    @staticmethod
    def token(bench, role):
        """Return the token that Airflow's sign-in gives, with another role."""
        token = requests.get(f"{bench.airflow.url}/auth/token", timeout=30).json()["access_token"]
        claims = jwt.decode(token, options={"verify_signature": False}) | {"role": role}
        secret = bench.airflow.environment["AIRFLOW__API_AUTH__JWT_SECRET"]
        return jwt.encode(claims, secret, algorithm=jwt.get_unverified_header(token)["alg"])

    def test_a_person_without_access_to_the_dag_sees_only_that(self, bench):
        answer = self.get(bench, token=self.token(bench, None))
        assert answer.status_code == 403
        assert "No access" in answer.text
        assert self.get(bench, "page.js", self.token(bench, None)).status_code == 403

    @pytest.fixture(scope="class")
    def published(self, bench, loaded):
        """Run the DAG that publishes what the page shows."""
        bench.api.trigger(MARTS, run_id="for-the-page")
        assert_green(bench, MARTS, "for-the-page")

    @pytest.mark.usefixtures("published")
    def test_a_viewer_sees_the_loaded_day_from_the_navigation_on(self, bench, browser):
        context = browser.new_context()
        context.add_cookies([{"name": "_token", "value": self.token(bench, "viewer"), "url": bench.airflow.url}])
        page = context.new_page()
        page.goto(bench.airflow.url)
        page.get_by_role("button", name="Browse").click()
        with context.expect_page() as opened:
            page.get_by_text("Crypto prices").click()
        page, requested = opened.value, []
        page.on("request", lambda request: requested.append(request.url))
        page.wait_for_selector("table.matrix")
        assert page.url == f"{bench.airflow.url}/crypto-prices/"
        assert page.locator(".cell:is([data-state=loaded], [data-state=partial])").count() > 0
        shown = {"Coverage": ".calendar .on", "Prices": ".chart canvas", "Loads": ".flow"}
        for view, selector in shown.items():
            page.click(f"nav >> text={view}")
            page.wait_for_selector(selector)
        assert "median" in page.inner_text(".flow")
        run = page.locator("main a[href*='/runs/']").first
        assert requests.get(run.evaluate("link => link.href"), timeout=30).status_code == 200
        assert [url for url in requested if not url.startswith(bench.airflow.url)] == []
        context.close()


def test_the_troubleshooting_page_has_a_section_for_each_task_and_no_other():
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "troubleshoot.md").read_text()
    sections = page[page.index("## Failures by task") : page.index("## The catalog shows")]
    of_other_dags = [
        *("plan_backfill", "replay_loads", "load_windows", "check_backfill"),
        *("plan_healing", "heal_windows", "check_healing"),
        *("plan_refresh", "refresh_marts", "report_freshness", "publish_status", "explain_price"),
    ]
    assert re.findall(r"^### (.+)$", sections, re.MULTILINE) == [*WORK, *of_other_dags]
