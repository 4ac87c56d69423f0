"""Lists an account's resources of every kind that Terraform creates here, to find leftovers after a destroy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from local_aws.protocol.account import ACCOUNT_ID

Client = Callable[[str], Any]


def inventory(client: Client) -> set[str]:
    """Return the names of all resources, each with its kind.

    Args:
        client: Returns a boto3 client of the account's administrator for a service.
    """
    return {f"{kind} {name}" for kind, names in _listed(client).items() for name in names}


def _listed(client: Client) -> Mapping[str, Iterable[str]]:
    ec2, logs, cloudwatch, glue = client("ec2"), client("logs"), client("cloudwatch"), client("glue")
    serverless = client("redshift-serverless")
    keys = [client("kms").describe_key(KeyId=key)["KeyMetadata"] for key in _key_ids(client("kms"))]
    athena = client("athena")
    workgroups = _names(athena.list_work_groups()["WorkGroups"], "Name")
    databases = _names(glue.get_databases()["DatabaseList"], "Name")
    return {
        "bucket": _names(client("s3").list_buckets()["Buckets"], "Name"),
        # Keys cannot be deleted immediately. A key that is pending deletion counts as deleted.
        "KMS key": [key["Arn"] for key in keys if key["KeyState"] != "PendingDeletion" and _is_own(key)],
        "KMS alias": [
            alias["AliasName"] for alias in client("kms").list_aliases()["Aliases"] if "TargetKeyId" in alias
        ],
        "role": _names(_pages(client("iam"), "list_roles", "Roles"), "RoleName"),
        "secret": _names(_pages(client("secretsmanager"), "list_secrets", "SecretList"), "Name"),
        "VPC": _names(ec2.describe_vpcs()["Vpcs"], "VpcId"),
        "subnet": _names(ec2.describe_subnets()["Subnets"], "SubnetId"),
        "route table": _names(ec2.describe_route_tables()["RouteTables"], "RouteTableId"),
        "internet gateway": _names(ec2.describe_internet_gateways()["InternetGateways"], "InternetGatewayId"),
        "NAT gateway": [
            gateway["NatGatewayId"]
            for gateway in ec2.describe_nat_gateways()["NatGateways"]
            if gateway["State"] != "deleted"
        ],
        "address": _names(ec2.describe_addresses()["Addresses"], "AllocationId"),
        "VPC endpoint": [
            endpoint["VpcEndpointId"]
            for endpoint in ec2.describe_vpc_endpoints()["VpcEndpoints"]
            if endpoint["State"] != "deleted"
        ],
        "security group": _names(ec2.describe_security_groups()["SecurityGroups"], "GroupId"),
        "flow log": _names(ec2.describe_flow_logs()["FlowLogs"], "FlowLogId"),
        "Glue database": databases,
        "Glue table": [
            f"{database}.{table['Name']}"
            for database in databases
            for table in glue.get_tables(DatabaseName=database)["TableList"]
        ],
        "Glue job": glue.list_jobs()["JobNames"],
        "Glue security configuration": _names(glue.get_security_configurations()["SecurityConfigurations"], "Name"),
        "Redshift namespace": _names(serverless.list_namespaces()["namespaces"], "namespaceName"),
        "Redshift workgroup": _names(serverless.list_workgroups()["workgroups"], "workgroupName"),
        "Redshift usage limit": _names(serverless.list_usage_limits()["usageLimits"], "usageLimitId"),
        "MWAA environment": client("mwaa").list_environments()["Environments"],
        "Athena workgroup": workgroups,
        "Athena named query": [
            query
            for workgroup in workgroups
            if workgroup != "primary"
            for query in athena.list_named_queries(WorkGroup=workgroup)["NamedQueryIds"]
        ],
        "log group": _names(_pages(logs, "describe_log_groups", "logGroups"), "logGroupName"),
        "alarm": _names(cloudwatch.describe_alarms()["MetricAlarms"], "AlarmName"),
        "dashboard": _names(cloudwatch.list_dashboards()["DashboardEntries"], "DashboardName"),
        "EventBridge rule": _names(client("events").list_rules()["Rules"], "Name"),
        "topic": _names(client("sns").list_topics()["Topics"], "TopicArn"),
        "subscription": _names(client("sns").list_subscriptions()["Subscriptions"], "SubscriptionArn"),
        "budget": _names(client("budgets").describe_budgets(AccountId=ACCOUNT_ID).get("Budgets", []), "BudgetName"),
    }


def _names(items: Iterable[Mapping[str, Any]], key: str) -> list[str]:
    return [str(item[key]) for item in items]


def _pages(client: Any, operation: str, member: str) -> list[Mapping[str, Any]]:
    return [item for page in client.get_paginator(operation).paginate() for item in page[member]]


def _key_ids(kms: Any) -> list[str]:
    return _names(kms.list_keys()["Keys"], "KeyId")


def _is_own(key: Mapping[str, Any]) -> bool:
    return bool(key["KeyManager"] == "CUSTOMER")
