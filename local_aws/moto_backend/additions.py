"""Where moto itself has to answer otherwise: what it lacks and Terraform needs, and what its S3 takes too seriously."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import Any

_DEFINITION = {
    "Description": "description",
    "LogUri": "log_uri",
    "Role": "role",
    "ExecutionProperty": "execution_property",
    "Command": "command",
    "DefaultArguments": "default_arguments",
    "NonOverridableArguments": "non_overridable_arguments",
    "Connections": "connections",
    "MaxRetries": "max_retries",
    "AllocatedCapacity": "allocated_capacity",
    "Timeout": "timeout",
    "MaxCapacity": "max_capacity",
    "SecurityConfiguration": "security_configuration",
    "NotificationProperty": "notification_property",
    "GlueVersion": "glue_version",
    "NumberOfWorkers": "number_of_workers",
    "WorkerType": "worker_type",
    "CodeGenConfigurationNodes": "code_gen_configuration_nodes",
    "ExecutionClass": "execution_class",
    "SourceControlDetails": "source_control_details",
}


def add_glue_operations() -> None:
    """Add the operations to moto's classes; a second call changes nothing."""
    from moto.core.responses import ActionResult
    from moto.glue.exceptions import AlreadyExistsException
    from moto.glue.models import FakeJob
    from moto.glue.responses import GlueResponse

    responses: Any = GlueResponse
    if hasattr(responses, "update_job"):
        return
    create_job = responses.create_job

    def create_new_job(self: Any) -> Any:
        if self._get_param("Name") in self.glue_backend.jobs:
            raise AlreadyExistsException("Job")
        return create_job(self)

    def update_job(self: Any) -> Any:
        name = self._get_param("JobName")
        before = self.glue_backend.get_job(name)
        update = self._get_param("JobUpdate")
        # The update is the whole new definition: what it leaves out goes back to its default.
        definition = {ours: update.get(member) for member, ours in _DEFINITION.items()}
        tags = self.glue_backend.get_tags(before.arn)
        job = FakeJob(name=name, tags=tags, backend=self.glue_backend, **definition)
        job.created_on, job.job_runs = before.created_on, before.job_runs
        self.glue_backend.jobs[name] = job
        return ActionResult({"JobName": name})

    responses.create_job = create_new_job
    responses.update_job = update_job


def add_event_operations() -> None:
    """Have moto's EventBridge answer TestEventPattern, as it matches events itself; a second call changes nothing."""
    from moto.core.responses import ActionResult
    from moto.events.models import EventPattern, EventPatternParser
    from moto.events.responses import EventsHandler

    def test_event_pattern(self: Any) -> Any:
        text = self._get_param("EventPattern")
        pattern = EventPattern(text, EventPatternParser(text).parse())
        return ActionResult({"Result": pattern.matches_event(json.loads(self._get_param("Event")))})

    handler: Any = EventsHandler
    handler.test_event_pattern = test_event_pattern


def keep_bucket_policies_unevaluated() -> None:
    """Have moto's S3 keep bucket policies and not act on them; a second call changes nothing.

    It knows neither conditions nor principals: the policy that every bucket should have, which denies what does not
    come by TLS, would deny every object to everybody. Who may do what is decided in front of moto.
    """
    from moto.iam.access_control import PermissionResult
    from moto.s3.models import FakeBucket

    bucket: Any = FakeBucket
    bucket.get_permission = lambda _self, _action, _resource: PermissionResult.NEUTRAL


def add_descriptions_of_group_rules() -> None:
    """Have moto's EC2 tell the description of a rule that names a security group; a second call changes nothing.

    It keeps it with the group, and answers only what it keeps with an address range.
    """
    from moto.ec2.models.security_groups import SecurityGroupRule

    rule: Any = SecurityGroupRule
    rule.description = property(lambda self: self.ip_range.get("Description", self.source_group.get("Description")))


def read_policies_of_log_buckets() -> None:
    """Have moto's S3 understand how a bucket's policy lets access logs in; a second call changes nothing.

    Its own reading fails on a policy that also speaks to everybody, and knows one resource a statement only.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
    """
    from moto.s3.models import FakeBucket

    def lets_logs_in(target_bucket: Any, target_prefix: str | None) -> bool:
        if not target_bucket.policy:
            return False
        log = f"arn:{target_bucket.partition}:s3:::{target_bucket.name}/{target_prefix or ''}2024-01-01-00-00-00-0"
        for statement in _listed(json.loads(target_bucket.policy).get("Statement")):
            principal = statement.get("Principal")
            services = _listed(principal.get("Service")) if isinstance(principal, dict) else []
            if (
                statement.get("Effect") == "Allow"
                and "logging.s3.amazonaws.com" in services
                and any(fnmatchcase("s3:putobject", action.lower()) for action in _listed(statement.get("Action")))
                and any(fnmatchcase(log, resource) for resource in _listed(statement.get("Resource")))
            ):
                return True
        return False

    bucket: Any = FakeBucket
    bucket._log_permissions_enabled_policy = staticmethod(lets_logs_in)


def keep_versions_when_versioning_is_suspended() -> None:
    """Have moto's S3 delete one version, or add a delete marker, in a bucket that had versioning before.

    It deletes the whole key, and fails when a delete marker is among its versions. A second call changes nothing.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeletingObjectsfromVersioningSuspendedBuckets.html
    """
    from moto.s3.models import S3Backend

    backend: Any = S3Backend
    if hasattr(backend, "delete_object_of_any_bucket"):
        return
    delete_object = backend.delete_object_of_any_bucket = backend.delete_object

    def delete_one(self: Any, bucket_name: str, *arguments: Any, **named: Any) -> Any:
        bucket = self.get_bucket(bucket_name)
        if bucket.versioning_status != "Suspended":
            return delete_object(self, bucket_name, *arguments, **named)
        bucket.versioning_status = "Enabled"
        try:
            return delete_object(self, bucket_name, *arguments, **named)
        finally:
            bucket.versioning_status = "Suspended"

    backend.delete_object = delete_one


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [] if value is None else [value]
