"""Compares the resources of Terraform with those of the local provisioning: both must create the same platform."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from crypto_prices.settings import Settings

Client = Callable[[str], Any]
_TEMPORARY = frozenset(
    {"CreateTime", "UpdateTime", "CreatedOn", "LastModifiedOn", "CatalogId", "CreatedBy", "VersionId"}
)

# Intended differences, by the path of the member.
EXPECTED: Mapping[str, str] = {
    "job.Name": "names contain the environment",
    "job.Role": "names contain the environment",
    "job.Command.ScriptLocation": "Terraform stores scripts in the bundle's bucket",
    "job.DefaultArguments.--extra-py-files": "Terraform stores scripts in the bundle's bucket",
    "job.SecurityConfiguration": "the demo has no KMS key",
    "job.DefaultArguments.--custom-logGroup-prefix": "the demo uses Glue's default log groups",
    "job.MaxRetries": "0 is Glue's default",
    "settings.runbook_url": "the proof's deployment changes it",
    "table.DatabaseName": "names contain the environment",
    "table.StorageDescriptor.Location": "names contain the environment",
}


@dataclass(frozen=True)
class Names:
    """The names of the resources to compare.

    Attributes:
        glue_job: The Glue job.
        database: The table's Glue database.
        table: The Glue table.
        workgroup: The Redshift workgroup.
        settings_secret: The secret with the bundle's settings.
    """

    glue_job: str
    database: str
    table: str
    workgroup: str
    settings_secret: str


def describe(client: Client, names: Names) -> dict[str, Any]:
    """Return the properties of the resources that a load uses, by their path.

    Args:
        client: Returns a boto3 client of the account's administrator for a service.
        names: The resources to describe.
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
        # What Terraform does not set has the same default in the bundle.
        "settings": {
            name: value
            for name, value in Settings.model_validate_json(secret).model_dump(mode="json").items()
            if not Settings.model_fields[name].is_required()
        },
    }
    return {path: value for path, value in _flat("", found) if path.rpartition(".")[2] not in _TEMPORARY}


def differences(terraform: Mapping[str, Any], demo: Mapping[str, Any]) -> list[str]:
    """Return the unintended differences, one message each."""
    return [
        f"{path}: Terraform has {terraform.get(path)!r}, the local provisioning {demo.get(path)!r}"
        for path in sorted(terraform.keys() | demo.keys())
        if terraform.get(path) != demo.get(path) and path not in EXPECTED
    ]


def needless(terraform: Mapping[str, Any], demo: Mapping[str, Any]) -> list[str]:
    """Return a message for each intended difference that does not exist."""
    return [
        f"{path} is the same on both sides, although a difference is expected"
        for path in EXPECTED
        if terraform.get(path) == demo.get(path)
    ]


def _flat(path: str, value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, Mapping):
        return [pair for name in value for pair in _flat(f"{path}.{name}" if path else str(name), value[name])]
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        return [pair for number, each in enumerate(value) for pair in _flat(f"{path}.{number}", each)]
    return [] if value in ({}, [], "", None) else [(path, value)]
