"""Run docker-compose.yaml: the steps of docs/how-to/run-in-docker.md, then restarts and kills.

The tests run in order, and each needs the results of the ones before it. ``make test-compose`` runs them.
"""

import json
import time
from datetime import UTC, datetime

import psycopg
import pytest

from local_aws.clients import local_client
from tests.support.composition import ONCE, SERVICES, await_that, docker

pytestmark = pytest.mark.timeout(1800)

DAILY = "crypto_prices_daily"
RUN_SECONDS = 600
ROWS_OF_A_DAY = 8 * 24  # the markets of .env.example, hourly


@pytest.fixture(scope="module")
def warehouse_url(composition):
    command = ("python", "-m", "local_platform.psql", "--print-url")
    return composition.run("local-aws", *command).strip()


def rows_by_day(url):
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT observed_at::date::text, count(*) FROM crypto.fact_crypto_prices GROUP BY 1"
        ).fetchall()
    return dict(found)


def run_of(airflow, day, *, seconds=RUN_SECONDS):
    """Wait for the end of the run of a day and return it."""
    instant = datetime.fromisoformat(day).replace(tzinfo=UTC)

    def runs():
        return airflow.dag_runs(DAILY, first=instant, last=instant)

    await_that(lambda: bool(runs()), f"a run of {day} exists", 120)
    return airflow.wait_for_dag_run(DAILY, runs()[0]["dag_run_id"], timeout_seconds=seconds)


def failures(airflow, run):
    """Describe the failed tasks of a run, for the message of a failed test."""
    return [
        f"{ti['task_id']} ({ti['state']}):\n"
        + airflow.task_log(DAILY, run["dag_run_id"], ti["task_id"], ti["try_number"], map_index=ti["map_index"])[-1500:]
        for ti in airflow.task_instances(DAILY, run["dag_run_id"], states=["failed"])
    ]


def test_every_service_has_the_limits_user_and_policies_of_the_file(composition):
    for service in (*SERVICES, *ONCE):
        container = composition.container(service)
        host = container["HostConfig"]
        assert host["Memory"] > 0, service
        for bindings in (host["PortBindings"] or {}).values():
            assert all(binding["HostIp"] == "127.0.0.1" for binding in bindings), service
        # PostgreSQL's image starts as root and then drops its privileges.
        assert service == "postgres" or container["Config"]["User"] not in ("", "0", "root"), service
    assert {name: composition.container(name)["State"]["ExitCode"] for name in ONCE} == dict.fromkeys(ONCE, 0)
    policies = {name: composition.container(name)["HostConfig"]["RestartPolicy"]["Name"] for name in SERVICES}
    assert policies == dict.fromkeys(SERVICES, "unless-stopped")
    total = sum(composition.container(name)["HostConfig"]["Memory"] for name in SERVICES)
    assert total <= 10 * 2**30


def test_services_started_in_order_of_their_dependencies(composition):
    def began(service):
        return composition.container(service)["State"]["StartedAt"]

    finished = composition.container("airflow-init")["State"]["FinishedAt"]
    assert composition.container("keys")["State"]["FinishedAt"] <= began("postgres") <= began("airflow-init")
    assert finished <= began("api-server")
    assert all(began("api-server") < began(name) for name in ("scheduler", "dag-processor", "triggerer"))


def test_no_secret_is_in_the_environment_of_a_container(composition):
    keys = composition.run("scheduler", "sh", "-c", "for key in keys/*; do cat $key; echo; done").split()
    assert len(keys) == 4
    keys += composition.run("postgres", "cat", "/run/postgres-password/postgres_password").split()
    assert keys[-1] in "".join(keys[:-1])  # in the database's URL
    for service in SERVICES:
        environment = "\n".join(composition.container(service)["Config"]["Env"])
        assert not [key for key in keys if key in environment], service


def test_the_bundle_is_in_mwaas_folders(composition):
    files = ["dags/crypto_prices_daily.py", "dags/sql/load/replace/insert_staged_rows.sql"]
    listed = composition.run("scheduler", *("sh", "-c", f"cd /usr/local/airflow && ls {' '.join(files)}"))
    assert listed.split() == files
    configured = composition.run("scheduler", "airflow", "config", "get-value", "core", "plugins_folder")
    assert configured.split()[-1] == "/usr/local/airflow/plugins"
    installed = composition.run("scheduler", "pip", "freeze")
    wanted = [line for line in (composition.folder / "requirements.txt").read_text().split("\n") if "==" in line]
    assert set(wanted) <= set(installed.split())


def test_unpausing_the_dag_loads_the_day_before(composition, airflow):
    began = time.monotonic()
    await_that(lambda: DAILY in [dag["dag_id"] for dag in airflow.dags()], "the DAGs are parsed", 120)
    airflow.unpause(DAILY)
    await_that(lambda: bool(airflow.dag_runs(DAILY)), "the scheduler has started a run", 120)
    run = airflow.wait_for_dag_run(DAILY, airflow.dag_runs(DAILY)[0]["dag_run_id"], timeout_seconds=RUN_SECONDS)
    assert run["state"] == "success", failures(airflow, run)
    composition.measurements["from healthy to the first successful run"] = f"{time.monotonic() - began:.0f} s"
    stats = docker("stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}}").splitlines()
    composition.measurements["memory"] = "".join(sorted(f"\n  {line}" for line in stats if composition.project in line))
    assert airflow.import_errors() == []


def test_psql_shows_the_rows(composition, airflow, warehouse_url):
    day = airflow.dag_runs(DAILY)[0]["logical_date"][:10]
    assert rows_by_day(warehouse_url) == {day: ROWS_OF_A_DAY}
    in_the_container = composition.run(
        "local-aws",
        *("python", "-m", "local_platform.psql", "-At", "-c"),
        "SELECT count(*) FROM crypto.fact_crypto_prices",
    )
    assert in_the_container.split() == [str(ROWS_OF_A_DAY)]


def test_the_warehouse_requires_the_password(warehouse_url):
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(warehouse_url, password="wrong")
    with pytest.raises(psycopg.OperationalError, match="rejects connection"):
        psycopg.connect(warehouse_url, user="postgres")


def test_edited_files_take_effect(composition, airflow):
    with (composition.folder / "glue_scripts" / "curate_crypto_prices.py").open("a") as script:
        script.write("# edited\n")
    s3 = local_client("s3", f"http://127.0.0.1:{composition.ports['LOCAL_AWS_PORT']}")

    def uploaded():
        found = s3.get_object(Bucket="crypto-prices-lake", Key="glue/curate_crypto_prices.py")
        return found["Body"].read().endswith(b"# edited\n")

    seconds = await_that(uploaded, "the edited script is uploaded", 30)
    composition.measurements["an edited Glue script is uploaded after"] = f"{seconds:.0f} s"
    dag_file = composition.folder / "dags" / "crypto_prices_daily.py"
    dag_file.write_text(dag_file.read_text().replace("Closed candles of one day", "Edited candles of one day"))
    described = await_that(lambda: airflow.dag(DAILY)["description"].startswith("Edited"), "the DAG is parsed", 180)
    composition.measurements["an edited DAG is shown after"] = f"{described:.0f} s"
    statement = composition.folder / "sql" / "load" / "drop_staging.sql"
    statement.write_text(f"-- edited\n{statement.read_text()}")
    inside = composition.run("scheduler", "head", "-1", "/usr/local/airflow/dags/sql/load/drop_staging.sql")
    assert inside == "-- edited\n"


def test_a_cleared_task_runs_again_with_its_downstream_tasks(composition, airflow, warehouse_url):
    run = airflow.dag_runs(DAILY)[0]
    before = rows_by_day(warehouse_url)
    airflow.clear_tasks(DAILY, run["dag_run_id"], ["curate_prices"], downstream=True)
    ended = airflow.wait_for_dag_run(DAILY, run["dag_run_id"], timeout_seconds=RUN_SECONDS)
    assert ended["state"] == "success", failures(airflow, run)
    tries = {ti["task_id"]: ti["try_number"] for ti in airflow.task_instances(DAILY, run["dag_run_id"])}
    assert tries["fetch_prices"] == 1
    assert min(tries["curate_prices"], tries["merge_into_fact"]) >= 2
    assert rows_by_day(warehouse_url) == before


def test_a_backfill_of_two_days(composition, airflow, warehouse_url):
    began = time.monotonic()
    composition.run(
        "scheduler",
        *("airflow", "backfill", "create", "--dag-id", DAILY, "--from-date", "2024-03-01", "--to-date", "2024-03-02"),
    )
    for day in ("2024-03-01", "2024-03-02"):
        run = run_of(airflow, day)
        assert (run["run_type"], run["state"]) == ("backfill", "success"), failures(airflow, run)
        assert rows_by_day(warehouse_url)[day] == ROWS_OF_A_DAY
    composition.measurements["backfill of two days"] = f"{time.monotonic() - began:.0f} s"


def test_a_run_succeeds_although_containers_are_killed_during_it(composition, airflow, warehouse_url):
    began = time.monotonic()
    run = airflow.trigger(DAILY, logical_date=datetime(2024, 3, 3, tzinfo=UTC))

    def state(task_id):
        found = airflow.task_instances(DAILY, run["dag_run_id"])
        return next((ti["state"] for ti in found if ti["task_id"] == task_id), None)

    await_that(lambda: state("curate_prices") in ("deferred", "success"), "the Glue run has begun", RUN_SECONDS)
    for service in ("local-aws", "scheduler"):
        composition.kill(service)
    await_that(
        lambda: (
            composition.container("scheduler")["RestartCount"] > 0
            and composition.container("local-aws")["RestartCount"] > 0
        ),
        "Docker has restarted both",
        60,
    )
    ended = airflow.wait_for_dag_run(DAILY, run["dag_run_id"], timeout_seconds=RUN_SECONDS)
    assert ended["state"] == "success", failures(airflow, run)
    composition.await_all_healthy(120)
    assert rows_by_day(warehouse_url)["2024-03-03"] == ROWS_OF_A_DAY
    composition.measurements["a run with local-aws and the scheduler killed"] = f"{time.monotonic() - began:.0f} s"


def test_a_stopping_scheduler_lets_its_tasks_finish(composition, airflow):
    slow = {"faults": [{"kind": "rate_limited", "symbol": "BTCUSDT", "times": 1, "retry_after": 12}]}
    request = f"Request('http://127.0.0.1:8081/exchange/_faults', {json.dumps(slow).encode()!r}, method='PUT')"
    composition.run("exchange", "python", "-c", f"from urllib.request import *; urlopen({request})")
    run = airflow.trigger(DAILY, logical_date=datetime(2024, 3, 4, tzinfo=UTC))

    def fetch():
        found = airflow.task_instances(DAILY, run["dag_run_id"])
        return next(ti for ti in found if ti["task_id"] == "fetch_prices")

    await_that(lambda: fetch()["state"] == "running", "prices are fetched", RUN_SECONDS)
    began = time.monotonic()
    composition.compose("stop", "scheduler")
    composition.measurements["stopping the scheduler during a fetch"] = f"{time.monotonic() - began:.0f} s"
    assert not composition.container("scheduler")["State"]["Running"]
    assert (fetch()["state"], fetch()["try_number"]) == ("success", 1)
    composition.compose("up", "--detach")
    ended = airflow.wait_for_dag_run(DAILY, run["dag_run_id"], timeout_seconds=RUN_SECONDS)
    assert ended["state"] == "success", failures(airflow, run)


def test_an_edit_of_env_takes_effect(composition, airflow):
    began = time.monotonic()
    composition.set_variables({"SYMBOLS": '["BTCUSDT"]'})
    composition.compose("up", "--detach")
    composition.await_all_healthy(300)
    settings = composition.run("scheduler", "airflow", "variables", "get", "crypto_prices_settings")
    assert json.loads(settings)["sources"]["binance"]["symbols"] == ["BTCUSDT"]
    composition.measurements["from an edit of .env to healthy"] = f"{time.monotonic() - began:.0f} s"


def test_another_aws_is_rejected(composition):
    with pytest.raises(AssertionError, match="account 123456789012 at http://local-aws"):
        composition.compose(
            *("run", "--rm", "-T", "-e", "AWS_ENDPOINT_URL=http://local-aws.:4566", "airflow-init"), seconds=120
        )


def test_rows_and_runs_survive_a_stop(composition, airflow, warehouse_url):
    before, runs = rows_by_day(warehouse_url), len(airflow.dag_runs(DAILY))
    composition.compose("down")
    composition.compose("up", "--detach")
    composition.await_all_healthy(300)
    assert rows_by_day(warehouse_url) == before
    assert len(airflow.dag_runs(DAILY)) == runs


def test_down_with_volumes_leaves_nothing(composition):
    assert composition.leftovers() != []
    composition.compose("down", "--volumes")
    assert composition.leftovers() == []
