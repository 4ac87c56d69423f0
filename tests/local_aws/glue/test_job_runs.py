"""Real job runs: each final state, and how the caller sees it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
import zipfile
from pathlib import Path

import pytest

from local_aws.glue.job_runs import GlueJobRuns
from local_aws.glue.run_history import RunHistory
from local_aws.protocol.errors import AwsError
from local_aws.protocol.signature import RequestContext

pytestmark = pytest.mark.usefixtures("starts_spark")

ENCRYPTED_LOGS = {"CloudWatchEncryption": {"CloudWatchEncryptionMode": "SSE-KMS"}}
CONTEXT = RequestContext("us-east-1", "123456789012", "AKIATEST", None)
# Plain Python: a run of Spark's driver without a Spark session, for tests that do not need one.
SCRIPTS = {
    "fails": "print('before'); raise ValueError('17 is not a price')",
    "sleeps": "import time; print('sleeping', flush=True); time.sleep(300)",
    "exits": "import sys; print('exiting'); sys.exit(3)",
    "spark": """
        import json, os, sys
        import boto3
        from awsglue.utils import getResolvedOptions
        from pyspark.sql import SparkSession, functions as sf
        import one, two
        options = getResolvedOptions(sys.argv, ["JOB_NAME", "target", "mine"])
        spark = SparkSession.builder.getOrCreate()
        out = options["target"]
        spark.range(0, 1000, 1, 3).withColumn("day", sf.col("id") % 2).write.partitionBy("day").parquet(out + "/data")
        total = spark.read.parquet(out + "/data").agg(sf.sum("id")).first()[0]
        jvm = spark._jvm
        path = lambda name: jvm.org.apache.hadoop.fs.Path(out + "/" + name)
        fs = path("").getFileSystem(spark._jsc.hadoopConfiguration())
        exists = lambda name: fs.exists(path(name))
        names = lambda name: sorted(s.getPath().getName() for s in fs.listStatus(path(name)))
        SETTINGS = ("spark.sql.ansi.enabled", "spark.sql.session.timeZone", "spark.x.a", "spark.x.b")
        stream = fs.create(path("big"), True)
        block = bytes(range(256)) * 4096
        for _ in range(17):
            stream.write(block)
        stream.close()
        opened = fs.open(path("big"))
        opened.seek(9 * 1024 * 1024 + 5)
        fifth = opened.read()
        opened.seek(0)
        first = opened.read()
        opened.close()
        facts = {
            "total": total,
            "big": [fs.getFileStatus(path("big")).getLen(), fifth, first],
            "mkdirs": [fs.mkdirs(path("dir/empty")), fs.getFileStatus(path("dir/empty")).isDirectory()],
            "rename": [fs.rename(path("big"), path("dir/moved")), exists("big"), exists("dir/moved")],
            "list": names("data"),
            "delete": [fs.delete(path("dir"), True), exists("dir")],
            "options": [options["JOB_NAME"], options["JOB_RUN_ID"], options["mine"]],
            "conf": [spark.conf.get(n) for n in SETTINGS],
            "modules": [one.NAME, two.NAME],
            "env": [os.environ.get(n) for n in ("AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN", "AIRFLOW_HOME")],
            "python": sys.executable,
        }
        try:
            spark.read.text(out + "/nowhere").count()
        except Exception as error:
            facts["missing"] = "PATH_NOT_FOUND" in str(error)
        bucket, _, key = out.removeprefix("s3://").partition("/")
        boto3.client("s3").put_object(Bucket=bucket, Key=key + "/facts.json", Body=json.dumps(facts).encode())
        print("done with", total)
    """,
}


def definition(name, **changes):
    return {
        "Name": name,
        "Role": "arn:aws:iam::123456789012:role/glue",
        "Command": {"Name": "glueetl", "ScriptLocation": f"s3://scripts/{name}.py", "PythonVersion": "3"},
        "GlueVersion": "6.0",
        "ExecutionProperty": {"MaxConcurrentRuns": 1},
        "WorkerType": "G.1X",
        "NumberOfWorkers": 2,
        "Timeout": 10,
    } | changes


@pytest.fixture(scope="module")
def jobs(aws):
    for name, text in SCRIPTS.items():
        aws.s3.put_object(Bucket="scripts", Key=f"{name}.py", Body=textwrap.dedent(text).encode())
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("one/__init__.py", "NAME = 'in a zip'")
    aws.s3.put_object(Bucket="scripts", Key="one.zip", Body=package.getvalue())
    aws.s3.put_object(Bucket="scripts", Key="two.py", Body=b"NAME = 'a module'")
    defaults = {
        "--extra-py-files": "s3://scripts/one.zip,s3://scripts/two.py",
        "--conf": "spark.x.a=1 --conf spark.x.b=2",
        "--mine": "default",
    }
    found = {name: definition(name) for name in SCRIPTS}
    found["spark"] |= {"DefaultArguments": defaults}
    found["lost"] = definition("lost")
    return found


@pytest.fixture(scope="module")
def glue(aws, jobs, runtime, tmp_path_factory):
    runs = GlueJobRuns(
        get_job=jobs.__getitem__,
        get_security_configuration=lambda name: {"Name": name, "EncryptionConfiguration": ENCRYPTED_LOGS},
        role_credentials=lambda role: {"AccessKeyId": f"ASIA{role[-4:]}", "SecretAccessKey": "s", "SessionToken": "t"},
        endpoint_url=lambda: aws.endpoint,
        state_dir=tmp_path_factory.mktemp("state"),
        runtime=runtime,
    )
    yield runs
    runs.close()


def start(glue, job, **params):
    return glue.StartJobRun(CONTEXT, {"JobName": job, **params})["JobRunId"]


def get(glue, job, run_id):
    return glue.GetJobRun(CONTEXT, {"JobName": job, "RunId": run_id})["JobRun"]


def wait(glue, job, run_id, states=("SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT")):
    seen = []
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        run = get(glue, job, run_id)
        if not seen or seen[-1] != run["JobRunState"]:
            seen.append(run["JobRunState"])
        if run["JobRunState"] in states:
            return run, seen
        time.sleep(0.02)
    raise AssertionError(f"{run_id} is {seen} after two minutes")


def log(glue, run_id, kind):
    return (glue._logs / f"{run_id}.{kind}.log").read_text()


def processes(mark):
    """Return the processes with some text in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def alive(run_id):
    """Return the processes of the run's driver."""
    return processes(f"LOCAL_AWS_JOB_RUN_ID={run_id}\0")


def jvms(parent):
    """Return the JVMs that serve the runs of a process."""
    found = set()
    for pid in processes("_PYSPARK_DRIVER_CONN_INFO_PATH="):
        with contextlib.suppress(OSError):
            if int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]) == parent:
                found.add(pid)
    return found


def gone(run_id, serving=frozenset()):
    """Return whether a run's driver, and JVMs that only it can have used, end soon."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if not alive(run_id) and not any(Path(f"/proc/{pid}").exists() for pid in serving):
            return True
        time.sleep(0.05)
    return False


@pytest.fixture(scope="module")
def succeeded(glue, aws):
    run_id = start(glue, "spark", Arguments={"--target": "s3://scripts/out", "--mine": "the run's"}, NumberOfWorkers=5)
    run, seen = wait(glue, "spark", run_id)
    assert run["JobRunState"] == "SUCCEEDED", log(glue, run_id, "output")
    facts = json.loads(aws.s3.get_object(Bucket="scripts", Key="out/facts.json")["Body"].read())
    return run, seen, facts


def test_a_run_goes_through_its_states(succeeded):
    run, seen, _ = succeeded
    assert seen == ["STARTING", "RUNNING", "SUCCEEDED"]
    assert re.fullmatch(r"jr_[0-9a-f]{64}", run["Id"])
    assert run["StartedOn"] <= run["CompletedOn"] == run["LastModifiedOn"]
    assert run["ExecutionTime"] >= 1
    assert run["Arguments"] == {"--target": "s3://scripts/out", "--mine": "the run's"}
    assert (run["GlueVersion"], run["Timeout"], run["NumberOfWorkers"], run["LogGroupName"]) == (
        "6.0", 10, 5, "/aws-glue/jobs",
    )  # fmt: skip
    assert "ErrorMessage" not in run


def test_the_script_gets_glues_arguments_and_variables(succeeded):
    run, _, facts = succeeded
    assert facts["options"] == ["spark", run["Id"], "the run's"]
    assert facts["conf"] == ["true", "UTC", "1", "2"]
    assert facts["modules"] == ["in a zip", "a module"]
    assert facts["env"] == ["ASIAglue", "t", None]
    assert facts["python"] == sys.executable


def test_spark_reads_and_writes_s3(succeeded, aws):
    _, _, facts = succeeded
    assert facts["total"] == 499_500
    keys = [o["Key"] for o in aws.s3.list_objects_v2(Bucket="scripts", Prefix="out/data/")["Contents"]]
    assert [k for k in keys if "__magic" in k or "_temporary" in k] == []
    assert len([k for k in keys if k.endswith(".parquet")]) == 6
    assert facts["list"] == ["_SUCCESS", "day=0", "day=1"]
    assert facts["missing"] is True


def test_the_file_system_is_an_object_store(succeeded):
    _, _, facts = succeeded
    assert facts["big"] == [17 * 1024 * 1024, 5, 0]
    assert facts["mkdirs"] == [True, True]
    assert facts["rename"] == [True, False, True]
    assert facts["delete"] == [True, False]


def test_the_output_goes_to_cloudwatch_and_to_a_file(glue, succeeded, aws):
    run = succeeded[0]
    events = aws.logs.get_log_events(logGroupName="/aws-glue/jobs/output", logStreamName=run["Id"])["events"]
    assert "done with 499500" in [e["message"] for e in events]
    assert "done with 499500" in log(glue, run["Id"], "output")


def test_the_output_goes_to_the_jobs_log_group(glue, aws):
    arguments = {"--custom-logGroup-prefix": "/aws-glue/mine"}
    started = start(glue, "exits", Arguments=arguments, SecurityConfiguration="kms")
    run, _ = wait(glue, "exits", started)
    assert (run["LogGroupName"], run["SecurityConfiguration"]) == ("/aws-glue/mine/kms-role/glue", "kms")
    group = f"{run['LogGroupName']}/output"
    events = aws.logs.get_log_events(logGroupName=group, logStreamName=run["Id"])["events"]
    assert [e["message"] for e in events] == ["exiting"]


def test_a_run_leaves_nothing_behind(glue, succeeded):
    assert not (glue._folder / "work" / succeeded[0]["Id"]).exists()
    assert alive(succeeded[0]["Id"]) == []


def test_a_script_that_raises_fails_with_its_exception(glue, aws):
    run_id = start(glue, "fails")
    run, _ = wait(glue, "fails", run_id)
    assert (run["JobRunState"], run["ErrorMessage"]) == ("FAILED", "ValueError: 17 is not a price")
    events = aws.logs.get_log_events(logGroupName="/aws-glue/jobs/output", logStreamName=run_id)["events"]
    messages = [e["message"] for e in events]
    assert messages.index("before") < messages.index("Traceback (most recent call last):")


def test_a_script_that_exits_with_a_code_fails(glue):
    run, _ = wait(glue, "exits", start(glue, "exits"))
    assert (run["JobRunState"], run["ErrorMessage"]) == ("FAILED", "SystemExit: 3")


def test_a_missing_script_fails(glue):
    run, seen = wait(glue, "lost", start(glue, "lost"))
    assert seen[-1] == "FAILED"
    assert "s3://scripts/lost.py cannot be fetched" in run["ErrorMessage"]


def sleeping(glue):
    """Start a run that sleeps, and return when its script has started."""
    run_id = start(glue, "sleeps")
    wait(glue, "sleeps", run_id, ("RUNNING",))
    output = glue._logs / f"{run_id}.output.log"
    deadline = time.monotonic() + 60
    while "sleeping" not in output.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return run_id


def test_concurrency_and_stop(glue):
    run_id = sleeping(glue)
    with pytest.raises(AwsError) as refusal:
        start(glue, "sleeps")
    assert refusal.value.code == "ConcurrentRunsExceededException"
    before = jvms(os.getpid())
    assert alive(run_id)

    answer = glue.BatchStopJobRun(CONTEXT, {"JobName": "sleeps", "JobRunIds": [run_id, "jr_unknown"]})
    assert answer["SuccessfulSubmissions"] == [{"JobName": "sleeps", "JobRunId": run_id}]
    (error,) = answer["Errors"]
    assert (error["JobRunId"], error["ErrorDetail"]["ErrorCode"]) == ("jr_unknown", "EntityNotFoundException")
    run, seen = wait(glue, "sleeps", run_id)
    assert seen[-1] == "STOPPED"
    assert "RUNNING" not in seen
    assert "ErrorMessage" not in run
    assert gone(run_id)
    assert before - jvms(os.getpid())  # a JVM is not reused after a stopped run

    again = glue.BatchStopJobRun(CONTEXT, {"JobName": "sleeps", "JobRunIds": [run_id]})
    assert again["SuccessfulSubmissions"] == []
    assert "STOPPED" in again["Errors"][0]["ErrorDetail"]["ErrorMessage"]


def test_runs_wait_for_spark_when_the_number_is_limited(aws, jobs, runtime, tmp_path):
    several = {"sleeps": jobs["sleeps"] | {"ExecutionProperty": {"MaxConcurrentRuns": 4}}}
    glue = GlueJobRuns(
        get_job=several.__getitem__,
        get_security_configuration=lambda name: {},
        role_credentials=lambda role: {"AccessKeyId": "ASIA", "SecretAccessKey": "s", "SessionToken": "t"},
        endpoint_url=lambda: aws.endpoint,
        state_dir=tmp_path,
        runs_at_once=1,
        runtime=runtime,
    )
    first = sleeping(glue)
    second, third, fourth = (start(glue, "sleeps") for _ in range(3))
    time.sleep(3)  # a run would be RUNNING by then
    assert [get(glue, "sleeps", run_id)["JobRunState"] for run_id in (second, third, fourth)] == ["STARTING"] * 3
    glue.BatchStopJobRun(CONTEXT, {"JobName": "sleeps", "JobRunIds": [second]})
    stopped, seen = wait(glue, "sleeps", second)
    assert (seen[-1], stopped["ExecutionTime"]) == ("STOPPED", 0)
    assert get(glue, "sleeps", third)["JobRunState"] == "STARTING"
    glue.BatchStopJobRun(CONTEXT, {"JobName": "sleeps", "JobRunIds": [first]})
    wait(glue, "sleeps", third, ("RUNNING",))
    assert get(glue, "sleeps", first)["JobRunState"] == "STOPPED"
    assert get(glue, "sleeps", fourth)["JobRunState"] == "STARTING"
    glue.BatchStopJobRun(CONTEXT, {"JobName": "sleeps", "JobRunIds": [third]})
    ended, _ = wait(glue, "sleeps", third)
    waited = (ended["CompletedOn"] - ended["StartedOn"]).total_seconds() - ended["ExecutionTime"]
    assert waited >= 2  # waiting is not billed
    wait(glue, "sleeps", fourth, ("RUNNING",))
    glue.close()
    assert get(glue, "sleeps", fourth)["JobRunState"] == "STOPPED"


def test_a_stop_right_after_the_start_never_becomes_running(glue):
    run_id = start(glue, "sleeps")
    glue.BatchStopJobRun(CONTEXT, {"JobName": "sleeps", "JobRunIds": [run_id]})
    _, seen = wait(glue, "sleeps", run_id)
    assert seen in (["STOPPING", "STOPPED"], ["STOPPED"])
    assert gone(run_id)


def test_a_run_that_takes_too_long_times_out(glue, monkeypatch):
    clock = time.monotonic
    run_id = sleeping(glue)
    # Ten minutes pass for the run's thread, but not for the test.
    monkeypatch.setattr("local_aws.glue.job_runs.time.monotonic", lambda: clock() + 601)
    run, _ = wait(glue, "sleeps", run_id)
    assert run["JobRunState"] == "TIMEOUT"
    assert gone(run_id)


def test_unknown_jobs_and_runs(glue, succeeded):
    for call in (
        lambda: start(glue, "unknown"),
        lambda: get(glue, "spark", "jr_unknown"),
        lambda: get(glue, "fails", succeeded[0]["Id"]),
        lambda: glue.GetJobRuns(CONTEXT, {"JobName": "unknown"}),
        lambda: glue.BatchStopJobRun(CONTEXT, {"JobName": "unknown", "JobRunIds": ["jr_x"]}),
    ):
        with pytest.raises(AwsError) as refusal:
            call()
        assert refusal.value.code == "EntityNotFoundException"


def test_runs_are_listed_in_pages(glue):
    first = glue.GetJobRuns(CONTEXT, {"JobName": "sleeps", "MaxResults": 1})
    second = glue.GetJobRuns(CONTEXT, {"JobName": "sleeps", "MaxResults": 1, "NextToken": first["NextToken"]})
    assert first["JobRuns"][0]["StartedOn"] > second["JobRuns"][0]["StartedOn"]
    with pytest.raises(AwsError, match="NextToken"):
        glue.GetJobRuns(CONTEXT, {"JobName": "sleeps", "NextToken": "nonsense"})


def test_a_killed_emulator_leaves_no_process_and_a_failed_run(aws, jobs, runtime, tmp_path):
    script = f"""
        import sys, time
        from pathlib import Path
        from local_aws.glue.job_runs import GlueJobRuns
        from local_aws.glue.spark_runtime import SparkRuntime
        from local_aws.protocol.signature import RequestContext
        runs = GlueJobRuns(
            get_job={{"sleeps": {jobs["sleeps"]!r}}}.__getitem__,
            get_security_configuration={{}}.__getitem__,
            role_credentials=lambda role: {{"AccessKeyId": "A", "SecretAccessKey": "s", "SessionToken": "t"}},
            endpoint_url=lambda: {aws.endpoint!r},
            state_dir=Path(sys.argv[1]),
            runtime=SparkRuntime(),
        )
        context = RequestContext("us-east-1", "1", "A", None)
        print(runs.StartJobRun(context, {{"JobName": "sleeps"}})["JobRunId"], flush=True)
        time.sleep(300)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": os.getcwd()})
    try:
        run_id = server.stdout.readline().strip()
        deadline = time.monotonic() + 60
        output = tmp_path / "logs" / "glue" / f"{run_id}.output.log"
        while not output.exists() or "sleeping" not in output.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert alive(run_id)
        serving = jvms(server.pid)
        assert serving
    finally:
        server.send_signal(signal.SIGKILL)
        server.wait()
    assert RunHistory(tmp_path / "glue" / "runs").get(run_id).state == "RUNNING"
    if sys.platform == "linux":
        assert gone(run_id, serving)

    after = GlueJobRuns(
        get_job=jobs.__getitem__,
        get_security_configuration=lambda name: {"Name": name, "EncryptionConfiguration": ENCRYPTED_LOGS},
        role_credentials=lambda role: {},
        endpoint_url=lambda: aws.endpoint,
        state_dir=tmp_path,
        runtime=runtime,
    )
    run = get(after, "sleeps", run_id)
    assert (run["JobRunState"], run["ErrorMessage"]) == ("FAILED", "The local AWS ended while the job run was running.")
    assert not (tmp_path / "glue" / "work" / run_id).exists()
