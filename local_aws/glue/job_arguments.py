"""Validates job definitions and run arguments before anything starts, and decides the effect of each argument.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-glue-arguments.html lists the special parameters.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from local_aws.protocol.errors import AwsError

GLUE_VERSION = "6.0"
"""The Glue version whose Spark (4.1.1) is installed here."""

# These change nothing that a job computes. They concern logs, metrics and the Spark UI of AWS, and speed on AWS.
# Since Glue 5.0 the arguments of continuous logging have no effect either: --custom-logGroup-prefix replaced them.
# https://docs.aws.amazon.com/glue/latest/dg/monitor-continuous-logging-enable.html
_WITHOUT_EFFECT = frozenset(
    {
        "--continuous-log-conversionPattern",
        "--continuous-log-logGroup",
        "--continuous-log-logStreamPrefix",
        "--enable-auto-scaling",
        "--enable-continuous-cloudwatch-log",
        "--enable-continuous-log-filter",
        "--enable-job-insights",
        "--enable-metrics",
        "--enable-observability-metrics",
        "--enable-s3-parquet-optimized-committer",
        "--enable-spark-ui",
        "--executor-cores",
        "--spark-event-logs-path",
        "--TempDir",
    }
)
_REFUSED = frozenset(
    {
        "--additional-python-modules",
        "--class",
        "--continuation-option",
        "--custom-logStream-prefix",
        "--customer-driver-env-vars",
        "--customer-executor-env-vars",
        "--datalake-formats",
        "--disable-proxy",
        "--disable-proxy-v2",
        "--enable-glue-datacatalog",
        "--enable-lakeformation-fine-grained-access",
        "--enable-rename-algorithm-v2",
        "--encryption-type",
        "--extra-files",
        "--extra-jars",
        "--job-bookmark-from",
        "--job-bookmark-to",
        "--python-modules-installer-option",
        "--scriptLocation",
        "--use-postgres-driver",
        "--user-jars-first",
        "--write-shuffle-files-to-s3",
        "--write-shuffle-spills-to-s3",
        # Glue sets these itself and does not accept them from callers.
        "--JOB_ID",
        "--JOB_NAME",
        "--JOB_RUN_ID",
        "--SECURITY_CONFIGURATION",
        "--debug",
        "--mode",
    }
)
_ONLY_VALUE = {"--job-language": "python", "--job-bookmark-option": "job-bookmark-disable"}
_LOG_GROUP = "/aws-glue/jobs"
_LOG_GROUP_PREFIX = "--custom-logGroup-prefix"


@dataclass(frozen=True)
class RunPlan:
    """The settings of a run.

    Attributes:
        job_name: The job.
        role: Name or ARN of the run's role.
        script: s3:// URI of the script.
        py_files: s3:// URIs of the packages and modules that the script imports.
        spark_settings: Settings from ``--conf``.
        arguments: The run's arguments as they are passed to the script, including the job's defaults.
        given_arguments: The arguments that the caller passed, as GetJobRun returns them.
        timeout_minutes: Minutes after which the run is ended.
        max_concurrent_runs: Maximum number of concurrent runs of the job.
        capacity: The worker settings that GetJobRun returns.
        security_configuration: The name of the security configuration, if there is one.
        log_group: Prefix of the names of the run's two log groups, ``<log_group>/output`` and ``<log_group>/error``.
    """

    job_name: str
    role: str
    script: str
    py_files: tuple[str, ...]
    spark_settings: Mapping[str, str]
    arguments: Mapping[str, str]
    given_arguments: Mapping[str, str]
    timeout_minutes: int
    max_concurrent_runs: int
    capacity: Mapping[str, Any]
    security_configuration: str | None
    log_group: str


def plan_run(
    job: Mapping[str, Any],
    request: Mapping[str, Any],
    get_security_configuration: Callable[[str], Mapping[str, Any]],
) -> RunPlan:
    """Return the settings of the run that a StartJobRun request starts.

    Args:
        job: The job, as GetJob returns it under ``Job``.
        request: The parameters of StartJobRun.
        get_security_configuration: Takes a name and returns the security configuration, as GetSecurityConfiguration
            returns it under ``SecurityConfiguration``. Raises AwsError if the name is unknown.

    Raises:
        AwsError: The job or the request uses something that Glue refuses or that the emulator does not support.
    """
    _check_job(job)
    for member in (
        "JobRunId",
        "ExecutionRoleSessionPolicy",
        "AllocatedCapacity",
        "NotificationProperty",
    ):
        if request.get(member):
            raise _unsupported(f"{member} in StartJobRun")
    if request.get("JobRunQueuingEnabled"):
        raise _unsupported("job run queuing")
    if request.get("MaxCapacity") and (request.get("WorkerType") or request.get("NumberOfWorkers")):
        raise _invalid("Please do not set Max Capacity if using Worker Type and Number of Workers.")
    given = dict(request.get("Arguments") or {})
    arguments = {**(job.get("DefaultArguments") or {}), **given, **(job.get("NonOverridableArguments") or {})}
    for name, value in arguments.items():
        _check_argument(name, value)
    timeout = request.get("Timeout") or job.get("Timeout") or 480
    capacity = {
        member: request.get(member, job.get(member))
        for member in ("WorkerType", "NumberOfWorkers", "MaxCapacity", "ExecutionClass")
        if request.get(member, job.get(member)) is not None
    }
    security_name = request.get("SecurityConfiguration") or job.get("SecurityConfiguration")
    security = get_security_configuration(security_name) if security_name else None
    return RunPlan(
        job_name=job["Name"],
        role=job["Role"],
        script=job["Command"]["ScriptLocation"],
        py_files=tuple(uri.strip() for uri in arguments.get("--extra-py-files", "").split(",") if uri.strip()),
        spark_settings=parse_conf(arguments.get("--conf", "")),
        arguments=arguments,
        given_arguments=given,
        timeout_minutes=timeout,
        max_concurrent_runs=(job.get("ExecutionProperty") or {}).get("MaxConcurrentRuns") or 1,
        capacity=capacity,
        security_configuration=security_name,
        log_group=log_group(arguments, job["Role"], security),
    )


def log_group(arguments: Mapping[str, str], role: str, security_configuration: Mapping[str, Any] | None) -> str:
    """Return the prefix of the names of a run's log groups.

    https://docs.aws.amazon.com/glue/latest/dg/monitor-continuous-logging.html: a custom prefix replaces Glue's, and a
    security configuration that encrypts logs appends its own name and the role's name.

    Args:
        arguments: The run's arguments.
        role: Name or ARN of the job's role.
        security_configuration: The security configuration as GetSecurityConfiguration returns it, if there is one.
    """
    prefix = arguments.get(_LOG_GROUP_PREFIX, _LOG_GROUP).rstrip("/")
    if security_configuration is None:
        return prefix
    encryption = security_configuration.get("EncryptionConfiguration") or {}
    mode = (encryption.get("CloudWatchEncryption") or {}).get("CloudWatchEncryptionMode", "DISABLED")
    if mode == "DISABLED":
        return prefix
    return f"{prefix}/{security_configuration['Name']}-role/{role.rpartition('/')[2]}"


def parse_conf(value: str) -> dict[str, str]:
    """Return the Spark settings in the value of ``--conf``: ``a=1 --conf b=2``, Glue's only way to pass several.

    Raises:
        AwsError: The value does not have that form.
    """
    settings: dict[str, str] = {}
    for number, word in enumerate(shlex.split(value)):
        if number % 2:
            if word != "--conf":
                raise _invalid(f"--conf {value!r}: write several settings as a=1 --conf b=2")
            continue
        name, equals, setting = word.partition("=")
        if not equals or not name.startswith("spark."):
            raise _invalid(f"--conf {value!r}: {word!r} is not a setting such as spark.sql.shuffle.partitions=8")
        settings[name] = setting
    return settings


def _check_job(job: Mapping[str, Any]) -> None:
    command = job.get("Command") or {}
    if command.get("Name") != "glueetl":
        raise _unsupported(f"the command {command.get('Name')!r}, only glueetl (PySpark)")
    if command.get("PythonVersion", "3") not in ("3", "3.13"):
        raise _unsupported(f"Python {command['PythonVersion']}")
    script = command.get("ScriptLocation") or ""
    if not script.startswith("s3://") or not script.endswith(".py"):
        raise _unsupported(f"the script {script!r}, only s3://….py")
    if job.get("GlueVersion") != GLUE_VERSION:
        raise _unsupported(f"Glue version {job.get('GlueVersion')!r}, only {GLUE_VERSION}, whose Spark is installed")
    for member in ("MaxRetries", "SourceControlDetails", "CodeGenConfigurationNodes"):
        if job.get(member):
            raise _unsupported(f"{member} of a job")
    if (job.get("Connections") or {}).get("Connections"):
        raise _unsupported("Connections of a job")


def _check_argument(name: str, value: str) -> None:
    if not name.startswith("--") or name == "--":
        raise _invalid(f"the argument {name!r} must start with two dashes")
    if name in _REFUSED:
        raise _unsupported(f"the special parameter {name}")
    if name in _ONLY_VALUE and value != _ONLY_VALUE[name]:
        raise _unsupported(f"{name} {value}, only {_ONLY_VALUE[name]}")
    if name == _LOG_GROUP_PREFIX and not re.fullmatch(r"[\w./#-]{1,400}", value):
        raise _invalid(f"{name} {value!r} cannot be the start of a log group's name")
    if name == "--extra-py-files":
        for uri in value.split(","):
            if not uri.strip().startswith("s3://") or not uri.strip().endswith((".py", ".zip")):
                raise _unsupported(f"{uri.strip()!r} in --extra-py-files, only .py and .zip files in S3")
    if (name.startswith("--enable-") or name.startswith("--continuous-log-")) and name not in _WITHOUT_EFFECT:
        raise _unsupported(f"the special parameter {name}")


def _unsupported(what: str) -> AwsError:
    return AwsError("InvalidInputException", f"The local Glue does not support {what}.")


def _invalid(what: str) -> AwsError:
    return AwsError("InvalidInputException", what)
