"""The control plane of Amazon MWAA: environments and their tags.

It stores the settings of an environment and checks them as MWAA does. No Airflow runs behind an environment, so logins,
CLI tokens and REST API calls are refused.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any

from local_aws.control_planes.resources import Document, Resources, page
from local_aws.protocol.errors import AwsError
from local_aws.protocol.signature import RequestContext

# https://docs.aws.amazon.com/mwaa/latest/userguide/airflow-versions.html
AIRFLOW_VERSIONS = ("2.7.2", "2.8.1", "2.9.2", "2.10.1", "2.10.3", "2.11.0", "2.11.2", "3.0.6", "3.3.1")
_CLASSES = ("mw1.micro", "mw1.small", "mw1.medium", "mw1.large", "mw1.xlarge", "mw1.2xlarge")
_LOG_MODULES: Mapping[str, str] = {
    "DagProcessingLogs": "DAGProcessing",
    "SchedulerLogs": "Scheduler",
    "TaskLogs": "Task",
    "WebserverLogs": "WebServer",
    "WorkerLogs": "Worker",
}
_TAGS_AT_MOST = 50
_VERSIONED = ("Plugins", "Requirements", "StartupScript")


class Mwaa:
    """Handles the operations of the service ``mwaa``, whose signing name is ``airflow``.

    Args:
        resources: Storage for the environments.
    """

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    def CreateEnvironment(self, context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        """Create an environment."""
        name = params["Name"]
        with self._resources.lock:
            if self._resources.get("environment", name) is not None:
                raise AwsError("ValidationException", f"Environment {name} already exists.")
            micro = params.get("EnvironmentClass") == "mw1.micro"
            owner = f"airflow-{name}"
            suffix = str(uuid.uuid4())
            endpoint_service = f"com.amazonaws.vpce.{context.region}.vpce-svc-"
            environment: Document = {
                "AirflowVersion": AIRFLOW_VERSIONS[-1],
                "EnvironmentClass": "mw1.small",
                "MaxWorkers": 1 if micro else 10,
                "MinWorkers": 1,
                "Schedulers": 1 if micro else 2,
                "MinWebservers": 1 if micro else 2,
                "MaxWebservers": 1 if micro else 2,
                "WebserverAccessMode": "PRIVATE_ONLY",
                "EndpointManagement": "SERVICE",
                "WeeklyMaintenanceWindowStart": "SUN:03:30",
                "AirflowConfigurationOptions": {},
                **_settable(params),
                "LoggingConfiguration": _logging(context, owner, {}, params.get("LoggingConfiguration", {})),
                "Tags": params.get("Tags", {}),
                "Arn": _arn(context, name),
                "CreatedAt": self._resources.now().timestamp(),
                "WebserverUrl": f"{suffix}.c1.{context.region}.airflow.amazonaws.com",
                "ServiceRoleArn": f"arn:aws:iam::{context.account_id}:role/aws-service-role/airflow.amazonaws.com/"
                "AWSServiceRoleForAmazonMWAA",
                "CeleryExecutorQueue": f"arn:aws:sqs:{context.region}:{context.account_id}:airflow-celery-{suffix}",
                "DatabaseVpcEndpointService": endpoint_service + suffix.replace("-", "")[:17],
                "WebserverVpcEndpointService": endpoint_service + suffix.replace("-", "")[-17:],
                "status": "AVAILABLE",
            }
            _check(environment)
            self._resources.put("environment", name, environment, pending="CREATING")
        return {"Arn": environment["Arn"]}

    def GetEnvironment(self, _context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        """Describe an environment."""
        return {"Environment": _answer(self._found(params["Name"]))}

    def UpdateEnvironment(self, context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        """Change an environment."""
        name = params["Name"]
        with self._resources.lock:
            environment = self._available(name)
            network = {**environment["NetworkConfiguration"], **params.get("NetworkConfiguration", {})}
            logs = environment["LoggingConfiguration"]
            changed = {
                **environment,
                **_settable(params),
                "NetworkConfiguration": network,
                "LoggingConfiguration": _logging(
                    context, f"airflow-{name}", logs, params.get("LoggingConfiguration", {})
                ),
                "LastUpdate": {"CreatedAt": self._resources.now().timestamp(), "Source": "local_aws"},
            }
            if "WorkerReplacementStrategy" in params:
                changed["LastUpdate"]["WorkerReplacementStrategy"] = params["WorkerReplacementStrategy"]
            _check(changed)
            self._resources.put("environment", name, changed, pending="UPDATING")
        return {"Arn": environment["Arn"]}

    def DeleteEnvironment(self, _context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        """Delete an environment."""
        with self._resources.lock:
            self._resources.put("environment", params["Name"], self._available(params["Name"]), pending="DELETING")
        return {}

    def ListEnvironments(self, _context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        """List the names of the environments."""
        names = [environment["Name"] for environment in self._resources.all("environment")]
        items, token = page(names, limit=params.get("MaxResults", 25), token=params.get("NextToken"))
        return {"Environments": items, "NextToken": token}

    def TagResource(self, _context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        """Add tags to an environment, or change them."""
        with self._resources.lock:
            environment = self._by_arn(params["ResourceArn"])
            self._put_tags(environment, environment["Tags"] | params["Tags"])
        return {}

    def UntagResource(self, _context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        """Remove tags from an environment."""
        with self._resources.lock:
            environment = self._by_arn(params["ResourceArn"])
            kept = {key: value for key, value in environment["Tags"].items() if key not in params["tagKeys"]}
            self._put_tags(environment, kept)
        return {}

    def ListTagsForResource(self, _context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        """List the tags of an environment."""
        return {"Tags": self._by_arn(params["ResourceArn"])["Tags"]}

    def environment_arns(self) -> list[str]:
        """Return the ARNs of the environments, which are the source ARNs when MWAA assumes their roles."""
        return [environment["Arn"] for environment in self._resources.all("environment")]

    def _put_tags(self, environment: Document, tags: dict[str, str]) -> None:
        if len(tags) > _TAGS_AT_MOST:
            raise AwsError("ValidationException", f"An environment has at most {_TAGS_AT_MOST} tags.")
        pending = environment["status"] if environment["status"] != "AVAILABLE" else None
        document = {**environment, "Tags": tags, "status": "AVAILABLE"}
        self._resources.put("environment", environment["Name"], document, pending=pending)

    def _found(self, name: str) -> Document:
        environment = self._resources.get("environment", name)
        if environment is None:
            raise AwsError("ResourceNotFoundException", f"Environment {name} not found.", 404)
        return environment

    def _available(self, name: str) -> Document:
        environment = self._found(name)
        if environment["status"] != "AVAILABLE":
            raise AwsError("ValidationException", f"Environment {name} is {environment['status']}, not AVAILABLE.")
        return environment

    def _by_arn(self, arn: str) -> Document:
        environment = self._found(arn.rpartition("/")[2])
        if environment["Arn"] != arn:
            raise AwsError("ResourceNotFoundException", f"There is no environment {arn}.", 404)
        return environment


def _settable(params: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in params.items()
        if name not in {"LoggingConfiguration", "Tags", "WorkerReplacementStrategy"}
    }


def _check(environment: Document) -> None:
    """Check the rules that the service's model cannot express.

    Raises:
        AwsError: ValidationException with the first broken rule.
    """
    if environment["AirflowVersion"] not in AIRFLOW_VERSIONS:
        raise AwsError(
            "ValidationException",
            f"Airflow version {environment['AirflowVersion']} is not offered; MWAA has {', '.join(AIRFLOW_VERSIONS)}.",
        )
    size = environment["EnvironmentClass"]
    if size not in _CLASSES:
        raise AwsError("ValidationException", f"{size} is not an environment class: use one of {', '.join(_CLASSES)}.")
    if environment["MinWorkers"] > environment["MaxWorkers"]:
        raise AwsError("ValidationException", "MinWorkers is greater than MaxWorkers.")
    if environment["MinWebservers"] > environment["MaxWebservers"]:
        raise AwsError("ValidationException", "MinWebservers is greater than MaxWebservers.")
    allowed = range(1, 2) if size == "mw1.micro" else range(2, 6)
    for member in ("Schedulers", "MinWebservers", "MaxWebservers"):
        if environment[member] not in allowed:
            raise AwsError("ValidationException", f"{member} of {size} cannot be {environment[member]}.")
    if ":alias/" in environment.get("KmsKey", "") or environment.get("KmsKey", "").startswith("alias/"):
        # The model's pattern allows aliases, MWAA does not support them. The pattern excludes multi-Region keys.
        # https://docs.aws.amazon.com/mwaa/latest/userguide/custom-keys-certs.html
        raise AwsError("ValidationException", "KmsKey must be the ID or ARN of a key: MWAA does not support aliases.")
    for what in _VERSIONED:
        if f"{what}S3ObjectVersion" in environment and f"{what}S3Path" not in environment:
            raise AwsError("ValidationException", f"{what}S3ObjectVersion needs {what}S3Path.")


def _logging(
    context: RequestContext, owner: str, before: Mapping[str, Any], wanted: Mapping[str, Any]
) -> dict[str, Any]:
    modules: dict[str, Any] = {}
    for module, group in _LOG_MODULES.items():
        asked = wanted.get(module) or before.get(module) or {"Enabled": module == "TaskLogs", "LogLevel": "INFO"}
        arn = f"arn:aws:logs:{context.region}:{context.account_id}:log-group:{owner}-{group}"
        modules[module] = {"Enabled": asked["Enabled"], "LogLevel": asked["LogLevel"], "CloudWatchLogGroupArn": arn}
    return modules


def _answer(environment: Document) -> dict[str, Any]:
    status = environment["status"]
    answer = {name: value for name, value in environment.items() if name != "status"}
    answer |= {"Status": status, "CreatedAt": _moment(environment["CreatedAt"])}
    if "LastUpdate" in environment:
        update = environment["LastUpdate"]
        outcome = "PENDING" if status == "UPDATING" else "SUCCESS"
        answer["LastUpdate"] = {**update, "Status": outcome, "CreatedAt": _moment(update["CreatedAt"])}
    return answer


def _moment(seconds: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


def _arn(context: RequestContext, name: str) -> str:
    return f"arn:aws:airflow:{context.region}:{context.account_id}:environment/{name}"
