from __future__ import annotations

import copy

import pytest

from local_aws.glue import job_arguments
from local_aws.glue.job_arguments import parse_conf
from local_aws.protocol.errors import AwsError

JOB = {
    "Name": "curate",
    "Role": "arn:aws:iam::123456789012:role/glue",
    "Command": {"Name": "glueetl", "ScriptLocation": "s3://b/curate.py", "PythonVersion": "3"},
    "GlueVersion": "6.0",
    "DefaultArguments": {
        "--extra-py-files": "s3://b/one.zip,s3://b/two.py",
        "--job-bookmark-option": "job-bookmark-disable",
        "--enable-metrics": "true",
        "--mine": "default",
        "--other": "kept",
    },
    "ExecutionProperty": {"MaxConcurrentRuns": 3},
    "Timeout": 60,
    "WorkerType": "G.1X",
    "NumberOfWorkers": 2,
    "MaxRetries": 0,
}


SECURITY = {
    name: {"Name": name, "EncryptionConfiguration": {"CloudWatchEncryption": {"CloudWatchEncryptionMode": mode}}}
    for name, mode in {"kms": "SSE-KMS", "logs-in-clear": "DISABLED"}.items()
}


def security_configuration(name):
    if name not in SECURITY:
        raise AwsError("EntityNotFoundException", f"Security configuration {name} not found.")
    return SECURITY[name]


def plan_run(job, request):
    return job_arguments.plan_run(job, request, security_configuration)


def test_the_runs_arguments_override_the_jobs_defaults():
    plan = plan_run(JOB, {"JobName": "curate", "Arguments": {"--mine": "run"}, "Timeout": 5, "NumberOfWorkers": 4})
    assert (plan.arguments["--mine"], plan.arguments["--other"]) == ("run", "kept")
    assert plan.given_arguments == {"--mine": "run"}
    assert plan.py_files == ("s3://b/one.zip", "s3://b/two.py")
    assert (plan.timeout_minutes, plan.max_concurrent_runs) == (5, 3)
    assert plan.capacity == {"WorkerType": "G.1X", "NumberOfWorkers": 4}


def test_non_overridable_arguments_are_kept():
    job = {**JOB, "NonOverridableArguments": {"--mine": "fixed"}}
    assert plan_run(job, {"Arguments": {"--mine": "run"}}).arguments["--mine"] == "fixed"


def test_glues_own_defaults():
    job = {name: value for name, value in JOB.items() if name not in ("Timeout", "ExecutionProperty")}
    plan = plan_run(job, {})
    assert (plan.timeout_minutes, plan.max_concurrent_runs) == (480, 1)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["Command", "Name"], "pythonshell", "the command 'pythonshell'"),
        (["Command", "Name"], "gluestreaming", "the command 'gluestreaming'"),
        (["Command", "PythonVersion"], "2", "Python 2"),
        (["Command", "ScriptLocation"], "s3://b/Job.scala", "the script"),
        (["GlueVersion"], "5.0", "Glue version '5.0'"),
        (["GlueVersion"], None, "Glue version None"),
        (["MaxRetries"], 1, "MaxRetries"),
        (["CodeGenConfigurationNodes"], {"node-1": {}}, "CodeGenConfigurationNodes"),
        (["Connections"], {"Connections": ["vpc"]}, "Connections"),
        (["DefaultArguments", "--job-bookmark-option"], "job-bookmark-enable", "job-bookmark-enable"),
    ],
)
def test_unsupported_jobs_are_refused(path, value, message):
    job = copy.deepcopy(JOB)
    place = job
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(AwsError, match=message) as refusal:
        plan_run(job, {})
    assert refusal.value.code == "InvalidInputException"


@pytest.mark.parametrize(
    "arguments",
    [
        {"--additional-python-modules": "pandas"},
        {"--extra-jars": "s3://b/a.jar"},
        {"--datalake-formats": "iceberg"},
        {"--enable-glue-datacatalog": "true"},
        {"--enable-something-new": "true"},
        {"--job-language": "scala"},
        {"--JOB_NAME": "mine"},
        {"--extra-py-files": "s3://b/wheel.whl"},
        {"--extra-py-files": "/tmp/a.py"},
        {"mine": "no dashes"},
        {"--conf": "spark.a=1 spark.b=2"},
        {"--conf": "a=1"},
    ],
)
def test_unsupported_arguments_are_refused(arguments):
    with pytest.raises(AwsError) as refusal:
        plan_run(JOB, {"Arguments": arguments})
    assert refusal.value.code == "InvalidInputException"


@pytest.mark.parametrize(
    "request_",
    [
        {"JobRunQueuingEnabled": True},
        {"JobRunId": "jr_0"},
        {"AllocatedCapacity": 2},
        {"NotificationProperty": {"NotifyDelayAfter": 1}},
    ],
)
def test_unsupported_requests_are_refused(request_):
    with pytest.raises(AwsError, match="does not support"):
        plan_run(JOB, request_)


def test_workers_and_a_capacity_exclude_each_other():
    with pytest.raises(AwsError, match="Max Capacity"):
        plan_run(JOB, {"MaxCapacity": 2.0, "NumberOfWorkers": 2})


def test_one_conf_may_contain_several_settings():
    assert parse_conf("spark.a=1 --conf spark.b=x=y --conf 'spark.c=two words'") == {
        "spark.a": "1",
        "spark.b": "x=y",
        "spark.c": "two words",
    }
    assert parse_conf("") == {}


PREFIX = {"--custom-logGroup-prefix": "/aws-glue/mine"}


@pytest.mark.parametrize(
    ("job", "request_", "group"),
    [
        ({}, {}, "/aws-glue/jobs"),
        ({}, {"Arguments": PREFIX}, "/aws-glue/mine"),
        ({"DefaultArguments": PREFIX}, {}, "/aws-glue/mine"),
        ({"SecurityConfiguration": "kms"}, {}, "/aws-glue/jobs/kms-role/glue"),
        ({"SecurityConfiguration": "kms", "Role": "glue"}, {"Arguments": PREFIX}, "/aws-glue/mine/kms-role/glue"),
        ({"SecurityConfiguration": "logs-in-clear"}, {"Arguments": PREFIX}, "/aws-glue/mine"),
        ({"SecurityConfiguration": "kms"}, {"SecurityConfiguration": "logs-in-clear"}, "/aws-glue/jobs"),
        # The log group of Glue 4.0 and earlier.
        ({}, {"Arguments": {"--continuous-log-logGroup": "/old"}}, "/aws-glue/jobs"),
    ],
)
def test_the_log_group_of_a_run(job, request_, group):
    plan = plan_run({**JOB, **job}, request_)
    assert plan.log_group == group
    assert plan.security_configuration == (request_ | job | request_).get("SecurityConfiguration")


def test_an_unknown_security_configuration_is_refused():
    with pytest.raises(AwsError, match="Security configuration other") as refusal:
        plan_run({**JOB, "SecurityConfiguration": "other"}, {})
    assert refusal.value.code == "EntityNotFoundException"


@pytest.mark.parametrize(
    ("name", "value"), [("--custom-logGroup-prefix", "with blanks"), ("--custom-logStream-prefix", "mine")]
)
def test_invalid_log_group_prefixes_are_refused(name, value):
    with pytest.raises(AwsError, match=name):
        plan_run(JOB, {"Arguments": {name: value}})
