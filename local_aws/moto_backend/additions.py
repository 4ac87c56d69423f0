"""Extends moto with behavior that Terraform needs and moto lacks, relaxes checks of its S3, and speeds up its IAM."""

from __future__ import annotations

import json
from collections.abc import Callable
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
    """Add the operations to moto's classes. Repeated calls have no effect."""
    from moto.core.responses import ActionResult
    from moto.glue.exceptions import AlreadyExistsException
    from moto.glue.models import FakeJob
    from moto.glue.responses import GlueResponse

    responses: Any = GlueResponse
    if hasattr(responses, "update_job"):
        return
    create_job = responses.create_job

    def create_new_job(self: Any) -> Any:
        name = self._get_param("Name")
        if name in self.glue_backend.jobs:
            raise AlreadyExistsException("Job")
        created = create_job(self)
        _set_defaults(self.glue_backend.jobs[name])
        return created

    def update_job(self: Any) -> Any:
        name = self._get_param("JobName")
        before = self.glue_backend.get_job(name)
        update = self._get_param("JobUpdate")
        # The update is the complete new definition, so members that it leaves out get their default.
        definition = {ours: update.get(member) for member, ours in _DEFINITION.items()}
        tags = self.glue_backend.get_tags(before.arn)
        job = FakeJob(name=name, tags=tags, backend=self.glue_backend, **definition)
        job.created_on, job.job_runs = before.created_on, before.job_runs
        _set_defaults(job)
        self.glue_backend.jobs[name] = job
        return ActionResult({"JobName": name})

    members_of = FakeJob.as_dict
    job: Any = FakeJob
    job.as_dict = lambda self: {**members_of(self), "JobMode": "SCRIPT"}
    responses.create_job = create_new_job
    responses.update_job = update_job


def _set_defaults(job: Any) -> None:
    """Fill the members that GetJob returns even if the definition leaves them out.

    https://docs.aws.amazon.com/glue/latest/webapi/API_CreateJob.html documents the defaults of Timeout, GlueVersion,
    ExecutionProperty and JobMode. It documents none for the worker type. A streaming job has no timeout.
    """
    job.execution_property = {"MaxConcurrentRuns": 1} | job.execution_property
    job.glue_version = job.glue_version or "5.1"
    if not job.timeout and job.command.get("Name") != "gluestreaming":
        job.timeout = 480 if float(job.glue_version) >= 5 else 2880


def add_event_operations() -> None:
    """Add TestEventPattern to moto's EventBridge, with moto's own matching of events. Repeated calls have no effect."""
    from moto.core.responses import ActionResult
    from moto.events.models import EventPattern, EventPatternParser
    from moto.events.responses import EventsHandler

    def test_event_pattern(self: Any) -> Any:
        text = self._get_param("EventPattern")
        pattern = EventPattern(text, EventPatternParser(text).parse())
        return ActionResult({"Result": pattern.matches_event(json.loads(self._get_param("Event")))})

    handler: Any = EventsHandler
    handler.test_event_pattern = test_event_pattern


def set_defaults_of_kms_keys() -> None:
    """Make moto's KMS return the usage of a key and whether it is multi-Region. Repeated calls have no effect.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html: the defaults of KeyUsage and MultiRegion.
    """
    from moto.kms.models import KmsBackend

    backend: Any = KmsBackend
    if hasattr(backend, "create_key_without_defaults"):
        return
    create_key = backend.create_key_without_defaults = backend.create_key

    def create_key_with_defaults(
        self: Any,
        policy: str | None,
        key_usage: str | None,
        key_spec: str | None,
        description: str | None,
        tags: list[dict[str, str]] | None,
        multi_region: bool | None = False,
        *more: Any,
    ) -> Any:
        usage, spread = key_usage or "ENCRYPT_DECRYPT", bool(multi_region)
        return create_key(self, policy, usage, key_spec, description, tags, spread, *more)

    backend.create_key = create_key_with_defaults


def keep_bucket_policies_unevaluated() -> None:
    """Make moto's S3 store bucket policies without enforcing them. Repeated calls have no effect.

    moto supports neither conditions nor principals in them. The recommended policy of every bucket, which denies
    requests without TLS, would deny every object to every caller. IAM is enforced in front of moto.
    """
    from moto.iam.access_control import PermissionResult
    from moto.s3.models import FakeBucket

    bucket: Any = FakeBucket
    bucket.get_permission = lambda _self, _action, _resource: PermissionResult.NEUTRAL


def add_descriptions_of_group_rules() -> None:
    """Make moto's EC2 return the description of a rule that names a security group. Repeated calls have no effect.

    moto stores it with the group, and returns only descriptions that are stored with an address range.
    """
    from moto.ec2.models.security_groups import SecurityGroupRule

    rule: Any = SecurityGroupRule
    rule.description = property(lambda self: self.ip_range.get("Description", self.source_group.get("Description")))


def read_policies_of_log_buckets() -> None:
    """Make moto's S3 accept the bucket policies that let access logs in. Repeated calls have no effect.

    moto's own code fails on policies with a principal ``*``, and supports only one resource per statement.
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
    """Make moto's S3 delete one version, or add a delete marker, in a bucket with suspended versioning.

    moto deletes the whole key, and fails if its versions include a delete marker. Repeated calls have no effect.
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


def refuse_unknown_multipart_uploads() -> None:
    """Make moto's S3 answer NoSuchUpload, instead of failing. Repeated calls have no effect.

    https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
    """
    from moto.s3.exceptions import NoSuchUpload
    from moto.s3.models import S3Backend

    backend: Any = S3Backend
    if hasattr(backend, "upload_part_of_known_upload"):
        return
    backend.upload_part_of_known_upload = backend.upload_part

    def of_known_upload(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(self: Any, bucket_name: str, multipart_id: str, *arguments: Any, **named: Any) -> Any:
            if multipart_id not in self.get_bucket(bucket_name).multiparts:
                raise NoSuchUpload(upload_id=multipart_id)
            return method(self, bucket_name, multipart_id, *arguments, **named)

        return call

    for name in ("upload_part", "upload_part_copy", "complete_multipart_upload"):
        setattr(backend, name, of_known_upload(getattr(backend, name)))


def load_managed_policies_of_one_partition() -> None:
    """Make moto's IAM load AWS's managed policies only for the partition ``aws``. Repeated calls have no effect.

    moto has an IAM backend for each of eight partitions, and loading takes a tenth of a second in each. No ARN here is
    of another partition.
    """
    from moto.iam.models import IAMBackend

    backend: Any = IAMBackend
    if hasattr(backend, "policies_of_any_partition"):
        return
    load_policies = backend.policies_of_any_partition = backend._init_aws_policies
    backend._init_aws_policies = lambda self: load_policies(self) if self.region_name == "aws" else []


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [] if value is None else [value]
