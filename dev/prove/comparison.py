"""Compares what Terraform makes with what the demo's provisioning makes: both must run the same platform."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Client = Callable[[str], Any]
_TEMPORARY = frozenset(
    {"CreateTime", "UpdateTime", "CreatedOn", "LastModifiedOn", "CatalogId", "CreatedBy", "VersionId"}
)

# What the two say differently on purpose, by the path of the member.
EXPECTED: Mapping[str, str] = {
    "job.Name": "names have the environment in them",
    "job.Role": "names have the environment in them",
    "job.Command.ScriptLocation": "Terraform keeps scripts in the bundle's bucket",
    "job.DefaultArguments.--extra-py-files": "Terraform keeps scripts in the bundle's bucket",
    "job.SecurityConfiguration": "the demo has no KMS key",
    "job.DefaultArguments.--custom-logGroup-prefix": "the demo takes Glue's own log groups",
    "job.MaxRetries": "0 is Glue's default",
    "table.DatabaseName": "names have the environment in them",
    "table.StorageDescriptor.Location": "names have the environment in them",
}


@dataclass(frozen=True)
class Names:
    """What is to be compared.

    Attributes:
        glue_job: The Glue job.
        database: The Glue database of the table.
        table: The table.
        workgroup: The Redshift workgroup.
        settings_secret: The secret with the bundle's settings.
    """

    glue_job: str
    database: str
    table: str
    workgroup: str
    settings_secret: str


def describe(client: Client, names: Names) -> dict[str, Any]:
    """Describe what a load works with, as flat members by their path.

    Args:
        client: Gives a boto3 client of the account's administrator.
        names: What is to be described.
    """
    glue = client("glue")
    workgroup = client("redshift-serverless").get_workgroup(workgroupName=names.workgroup)["workgroup"]
    secret = client("secretsmanager").get_secret_value(SecretId=names.settings_secret)["SecretString"]
    namespace = client("redshift-serverless").get_namespace(namespaceName=workgroup["namespaceName"])["namespace"]
    found = {
        "job": glue.get_job(JobName=names.glue_job)["Job"],
        "table": glue.get_table(DatabaseName=names.database, Name=names.table)["Table"],
        "warehouse": {
            "parameters": {each["parameterKey"]: each["parameterValue"] for each in workgroup["configParameters"]},
            "publiclyAccessible": workgroup["publiclyAccessible"],
            "database": namespace["dbName"],
            "roles": len(namespace["iamRoles"]),
            "hasDefaultRole": "defaultIamRoleArn" in namespace,
        },
        "settings": {"keys": sorted(json.loads(secret))},
    }
    return {path: value for path, value in _flat("", found) if path.rpartition(".")[2] not in _TEMPORARY}


def differences(terraform: Mapping[str, Any], demo: Mapping[str, Any]) -> list[str]:
    """Return what the two say differently and nobody meant to be different, for a person."""
    return [
        f"{path}: Terraform has {terraform.get(path)!r}, the local provisioning {demo.get(path)!r}"
        for path in sorted(terraform.keys() | demo.keys())
        if terraform.get(path) != demo.get(path) and path not in EXPECTED
    ]


def needless(terraform: Mapping[str, Any], demo: Mapping[str, Any]) -> list[str]:
    """Return the expected differences that there are none of."""
    return [
        f"{path} does not differ, although it is expected to"
        for path in EXPECTED
        if terraform.get(path) == demo.get(path)
    ]


def _flat(path: str, value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, Mapping):
        return [pair for name in value for pair in _flat(f"{path}.{name}" if path else str(name), value[name])]
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        return [pair for number, each in enumerate(value) for pair in _flat(f"{path}.{number}", each)]
    return [] if value in ({}, [], "", None) else [(path, value)]
