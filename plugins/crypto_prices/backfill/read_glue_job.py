"""Reads the Glue job's resources and earlier runs, which plans are estimated from."""

from __future__ import annotations

from typing import Any

from crypto_prices.backfill.glue_cost import DPU_PER_WORKER, GlueJob, past_run

RUNS_LOOKED_AT = 200
"""Maximum number of runs per GetJobRuns response. The few runs of long windows are among many runs of one day."""


def read_glue_job(glue_client: Any, job_name: str) -> GlueJob:
    """Return the resources of a Glue job and its newest successful runs.

    Args:
        glue_client: A boto3 Glue client.
        job_name: The job.
    """
    job = glue_client.get_job(JobName=job_name)["Job"]
    dpus = DPU_PER_WORKER.get(job.get("WorkerType", ""), 1) * job.get("NumberOfWorkers", job.get("MaxCapacity", 2))
    runs = glue_client.get_job_runs(JobName=job_name, MaxResults=RUNS_LOOKED_AT)["JobRuns"]
    return GlueJob(dpus, [past for past in map(past_run, runs) if past is not None])
