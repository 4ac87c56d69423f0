"""Where moto itself has to answer otherwise: what its Glue lacks and Terraform needs, and what its S3 takes too seriously."""

from __future__ import annotations

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


def keep_bucket_policies_unevaluated() -> None:
    """Have moto's S3 keep bucket policies and not act on them; a second call changes nothing.

    It knows neither conditions nor principals: a policy that denies what does not come by TLS would deny every object to
    everybody, on AWS too where TLS is used. Who may do what is decided in front of moto or not at all.
    """
    from moto.iam.access_control import PermissionResult
    from moto.s3.models import FakeBucket

    bucket: Any = FakeBucket
    bucket.get_permission = lambda _self, _action, _resource: PermissionResult.NEUTRAL
