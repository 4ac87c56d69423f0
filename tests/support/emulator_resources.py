"""Resources that tests create in a bare emulator: a lake, roles, a Glue job and a warehouse."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

from local_aws.launcher import RunningLocalAws

PASSWORD = "Right-123"


@dataclass(frozen=True)
class Resources:
    """The names of the resources."""

    bucket: str
    job: str
    namespace: str
    workgroup: str
    database: str
    secret_arn: str
    airflow_role_arn: str
    copy_role_arn: str
    glue_role_arn: str

    @property
    def target(self) -> dict[str, str]:
        """The warehouse, as parameters of the Data API."""
        return {"WorkgroupName": self.workgroup, "Database": self.database, "SecretArn": self.secret_arn}


def create_role(aws: RunningLocalAws, name: str, *services: str) -> str:
    """Create a role that services may assume, and return its ARN."""
    statement = {"Effect": "Allow", "Principal": {"Service": list(services)}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]


def create_resources(aws: RunningLocalAws) -> Resources:
    """Create the resources, and wait until the warehouse is available."""
    resources = Resources(
        bucket="lake",
        job="job",
        namespace="warehouse",
        workgroup="warehouse",
        database="db",
        secret_arn=aws.client("secretsmanager").create_secret(
            Name="admin", SecretString=json.dumps({"username": "admin", "password": PASSWORD})
        )["ARN"],
        airflow_role_arn=create_role(aws, "airflow", "airflow.amazonaws.com", "airflow-env.amazonaws.com"),
        copy_role_arn=create_role(aws, "copy", "redshift.amazonaws.com", "redshift-serverless.amazonaws.com"),
        glue_role_arn=create_role(aws, "glue", "glue.amazonaws.com"),
    )
    aws.client("s3").create_bucket(Bucket=resources.bucket)
    aws.client("glue").create_job(
        Name=resources.job,
        Role=resources.glue_role_arn,
        Command={"Name": "glueetl", "ScriptLocation": f"s3://{resources.bucket}/job.py"},
        GlueVersion="6.0",
    )
    serverless = aws.client("redshift-serverless")
    serverless.create_namespace(
        namespaceName=resources.namespace,
        dbName=resources.database,
        adminUsername="admin",
        adminUserPassword=PASSWORD,
        iamRoles=[resources.copy_role_arn],
    )
    serverless.create_workgroup(workgroupName=resources.workgroup, namespaceName=resources.namespace)
    deadline = time.monotonic() + 30
    while serverless.get_workgroup(workgroupName=resources.workgroup)["workgroup"]["status"] != "AVAILABLE":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return resources
