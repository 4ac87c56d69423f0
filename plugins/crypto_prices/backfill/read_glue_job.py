"""Reads the Glue job's resources and earlier runs, which plans are estimated from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crypto_prices.backfill.glue_cost import DPU_PER_WORKER, GlueJob, GlueRun, past_run

RUNS_LOOKED_AT = 200
"""Maximum number of runs per GetJobRuns response. The few runs of long windows are among many runs of one day."""


def read_glue_job(glue_client: Any, job_name: str) -> GlueJob:
    """Return the resources of a Glue job and its newest successful runs.

    Args:
        glue_client: A boto3 Glue client.
        job_name: The job.
    """
    job = glue_client.get_job(JobName=job_name)["Job"]
    runs = glue_client.get_job_runs(JobName=job_name, MaxResults=RUNS_LOOKED_AT)["JobRuns"]
    return GlueJob(_dpus(job), [past for past in map(past_run, runs) if past is not None])


def read_glue_runs(glue_client: Any, job_name: str) -> dict[str, GlueRun]:
    """Return the newest runs of a Glue job that have ended, by id.

    Args:
        glue_client: A boto3 Glue client.
        job_name: The job.
    """
    runs = glue_client.get_job_runs(JobName=job_name, MaxResults=RUNS_LOOKED_AT)["JobRuns"]
    return {run["Id"]: GlueRun(run["ExecutionTime"], _dpus(run)) for run in runs if run.get("CompletedOn")}


def _dpus(resources: Mapping[str, Any]) -> float:
    """Return the data processing units of a job or of a run."""
    workers: float = resources.get("NumberOfWorkers", resources.get("MaxCapacity", 2))
    return DPU_PER_WORKER.get(resources.get("WorkerType", ""), 1) * workers
