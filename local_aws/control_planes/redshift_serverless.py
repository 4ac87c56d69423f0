"""The control plane of Redshift Serverless: namespaces, workgroups, usage limits and their tags.

This module creates, reads, changes and deletes them. The Redshift Data API (local_aws/redshift) executes a workgroup's
statements. The subnets and the security group of the default VPC, which AWS fills in, are not imitated.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
import re
import secrets
import string
import uuid
from collections.abc import Callable
from typing import Any

from local_aws.control_planes.resources import Document, Resources, page
from local_aws.protocol.errors import AwsError
from local_aws.protocol.signature import RequestContext
from local_aws.redshift.warehouse import is_own_name

SERVICE = "redshift-serverless"
_LOG_EXPORTS = frozenset({"useractivitylog", "userlog", "connectionlog"})
_TAGS_AT_MOST = 200

# What AWS returns for a workgroup that was created without parameters.
_CONFIG_DEFAULTS = {
    "auto_mv": "true",
    "datestyle": "ISO, MDY",
    "enable_case_sensitive_identifier": "false",
    "enable_user_activity_logging": "true",
    "max_query_execution_time": "14400",
    "query_group": "default",
    "require_ssl": "true",
    "search_path": "$user, public",
    "use_fips_ssl": "false",
}
# They affect how a statement is logged, labeled, connected for or accelerated, but not its result.
_CONFIG_WITHOUT_EFFECT = frozenset(
    {"auto_mv", "enable_user_activity_logging", "query_group", "require_ssl", "use_fips_ssl"}
)
_EXECUTION_TIME = "max_query_execution_time"
_LONGEST_EXECUTION_SECONDS = 86_399
_QUERY_MONITORING = frozenset(
    {
        "max_io_skew",
        "max_join_row_count",
        "max_nested_loop_join_row_count",
        "max_query_blocks_read",
        "max_query_cpu_time",
        "max_query_cpu_usage_percent",
        "max_query_execution_time",
        "max_query_queue_time",
        "max_query_temp_blocks_to_disk",
        "max_return_row_count",
        "max_scan_row_count",
    }
)
_PORTS = (*range(5431, 5456), *range(8191, 8216))


class RedshiftServerless:
    """Handles the operations of the service ``redshift-serverless``.

    Args:
        resources: Storage for the resources.
        secrets_client: Returns a Secrets Manager client, for admin passwords that the service manages itself.
        create_database: Called with the name of a new namespace's database.
        drop_database: Called with the name of a deleted namespace's database.
        admin_login: Called with the name, the password and the database of a namespace's admin user when the password
            is set. All namespaces share one server: if two have the same admin name, the last password counts.
        refuse_login: Called with the name of an admin user that no namespace has any longer.
    """

    def __init__(
        self,
        resources: Resources,
        *,
        secrets_client: Callable[[], Any],
        create_database: Callable[[str], None] = lambda _name: None,
        drop_database: Callable[[str], None] = lambda _name: None,
        admin_login: Callable[[str, str, str], None] = lambda _user, _password, _database: None,
        refuse_login: Callable[[str], None] = lambda _user: None,
    ) -> None:
        self._resources = resources
        self._secrets_client = secrets_client
        self._create_database = create_database
        self._drop_database = drop_database
        self._admin_login = admin_login
        self._refuse_login = refuse_login

    # ------------------------------------------------------------------------------------------------ namespaces

    def CreateNamespace(self, context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        """Create a namespace. It is available immediately, as on AWS."""
        name = params["namespaceName"]
        _check_namespace(params)
        if params.get("redshiftIdcApplicationArn"):
            raise AwsError("NotImplemented", "The local Redshift Serverless has no IAM Identity Center.", 501)
        with self._resources.lock:
            if self._resources.get("namespace", name) is not None:
                raise AwsError("ConflictException", f"Namespace with name {name} already exists.")
            self._refuse_shared_database(params.get("dbName", "dev"))
            namespace_id = str(uuid.uuid4())
            namespace: Document = {
                "namespaceName": name,
                "namespaceId": namespace_id,
                "namespaceArn": _arn(context, "namespace", namespace_id),
                "adminUsername": params.get("adminUsername", "admin"),
                "dbName": params.get("dbName", "dev"),
                "iamRoles": params.get("iamRoles", []),
                "kmsKeyId": params.get("kmsKeyId", "AWS_OWNED_KMS_KEY"),
                "logExports": params.get("logExports", []),
                "creationDate": _written(self._resources.now()),
                "status": "AVAILABLE",
            }
            if "defaultIamRoleArn" in params:
                namespace["defaultIamRoleArn"] = params["defaultIamRoleArn"]
            password = self._set_password(namespace, params)
            self._create_database(namespace["dbName"])
            self._let_admin_in(namespace, password)
            self._resources.put("namespace", name, namespace)
            self._put_tags(namespace["namespaceArn"], params.get("tags", []))
        return {"namespace": _namespace_answer(namespace)}

    def GetNamespace(self, _context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        """Describe a namespace."""
        return {"namespace": _namespace_answer(self._namespace(params["namespaceName"]))}

    def UpdateNamespace(self, _context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        """Change a namespace."""
        with self._resources.lock:
            namespace = self._available("namespace", params["namespaceName"])
            known_roles = {"iamRoles": namespace["iamRoles"]} if "iamRoles" not in params else {}
            _check_namespace({**known_roles, **params})
            former_admin = namespace["adminUsername"]
            for member in ("adminUsername", "defaultIamRoleArn", "iamRoles", "kmsKeyId", "logExports"):
                if member in params:
                    namespace[member] = params[member]
            if not namespace.get("defaultIamRoleArn"):
                namespace.pop("defaultIamRoleArn", None)
            self._let_admin_in(namespace, self._set_password(namespace, params))
            self._resources.put("namespace", namespace["namespaceName"], namespace, pending="MODIFYING")
            self._forget_admin(former_admin)
        return {"namespace": _namespace_answer({**namespace, "status": "MODIFYING"})}

    def DeleteNamespace(self, _context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        """Delete a namespace that has no workgroup, and its managed secret."""
        if "finalSnapshotName" in params:
            raise AwsError("NotImplemented", "The local Redshift Serverless has no snapshots.", 501)
        with self._resources.lock:
            namespace = self._available("namespace", params["namespaceName"])
            name = namespace["namespaceName"]
            if any(workgroup["namespaceName"] == name for workgroup in self._resources.all("workgroup")):
                raise AwsError("ConflictException", f"Namespace {name} has a workgroup; delete the workgroup first.")
            self._forget_managed_password(namespace)
            self._drop_database(namespace["dbName"])
            self._resources.put("namespace", name, namespace, pending="DELETING")
            self._forget_admin(namespace["adminUsername"], without=name)
            self._resources.remove("tags", namespace["namespaceArn"])
        return {"namespace": _namespace_answer({**namespace, "status": "DELETING"})}

    def ListNamespaces(self, _context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        """List the namespaces."""
        items, token = page(
            self._resources.all("namespace"), limit=params.get("maxResults", 100), token=params.get("nextToken")
        )
        return {"namespaces": [_namespace_answer(item) for item in items], "nextToken": token}

    # ------------------------------------------------------------------------------------------------ workgroups

    def CreateWorkgroup(self, context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        """Create a namespace's workgroup. A namespace has at most one."""
        name = params["workgroupName"]
        with self._resources.lock:
            if self._resources.get("workgroup", name) is not None:
                raise AwsError("ConflictException", f"Workgroup with name {name} already exists.")
            namespace = self._namespace(params["namespaceName"])
            if any(w["namespaceName"] == namespace["namespaceName"] for w in self._resources.all("workgroup")):
                raise AwsError("ConflictException", f"Namespace {namespace['namespaceName']} already has a workgroup.")
            workgroup_id = str(uuid.uuid4())
            workgroup: Document = {
                "workgroupName": name,
                "workgroupId": workgroup_id,
                "workgroupArn": _arn(context, "workgroup", workgroup_id),
                "namespaceName": namespace["namespaceName"],
                "baseCapacity": 128,
                "enhancedVpcRouting": False,
                "publiclyAccessible": False,
                "ipAddressType": "ipv4",
                "port": 5439,
                "pricePerformanceTarget": {"status": "DISABLED"},
                "securityGroupIds": [],
                "subnetIds": [],
                "trackName": "current",
                "workgroupVersion": "1.0",
                "patchVersion": "1.0.0",
                "config": _CONFIG_DEFAULTS,
                "address": f"{name}.{context.account_id}.{context.region}.redshift-serverless.amazonaws.com",
                "creationDate": _written(self._resources.now()),
                "status": "AVAILABLE",
            }
            workgroup = _changed_workgroup(workgroup, params)
            self._resources.put("workgroup", name, workgroup, pending="CREATING")
            self._put_tags(workgroup["workgroupArn"], params.get("tags", []))
        return {"workgroup": _workgroup_answer({**workgroup, "status": "CREATING"})}

    def GetWorkgroup(self, _context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        """Describe a workgroup."""
        return {"workgroup": _workgroup_answer(self._found("workgroup", params["workgroupName"]))}

    def UpdateWorkgroup(self, _context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        """Change a workgroup."""
        with self._resources.lock:
            workgroup = _changed_workgroup(self._available("workgroup", params["workgroupName"]), params)
            self._resources.put("workgroup", workgroup["workgroupName"], workgroup, pending="MODIFYING")
        return {"workgroup": _workgroup_answer({**workgroup, "status": "MODIFYING"})}

    def DeleteWorkgroup(self, _context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        """Delete a workgroup and its usage limits."""
        with self._resources.lock:
            workgroup = self._available("workgroup", params["workgroupName"])
            self._resources.put("workgroup", workgroup["workgroupName"], workgroup, pending="DELETING")
            self._resources.remove("tags", workgroup["workgroupArn"])
            for limit in self._resources.all("usage_limit"):
                if limit["resourceArn"] == workgroup["workgroupArn"]:
                    self._resources.remove("usage_limit", limit["usageLimitId"])
        return {"workgroup": _workgroup_answer({**workgroup, "status": "DELETING"})}

    def ListWorkgroups(self, context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        """List the workgroups."""
        if params.get("ownerAccount", context.account_id) != context.account_id:
            return {"workgroups": []}
        items, token = page(
            self._resources.all("workgroup"), limit=params.get("maxResults", 100), token=params.get("nextToken")
        )
        return {"workgroups": [_workgroup_answer(item) for item in items], "nextToken": token}

    # ------------------------------------------------------------------------------------------------ usage limits

    def CreateUsageLimit(self, context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        """Create a usage limit. The emulator does not meter usage, so a limit is never reached."""
        with self._resources.lock:
            self._require_arn(params["resourceArn"])
            _check_amount(params)
            period = params.get("period", "monthly")
            for other in self._resources.all("usage_limit"):
                same = [other[key] == params[key] for key in ("resourceArn", "usageType")]
                if all(same) and other["period"] == period:
                    raise AwsError("ConflictException", "A usage limit of this type and period already exists.")
            limit_id = str(uuid.uuid4())
            limit = {
                "usageLimitId": limit_id,
                "usageLimitArn": _arn(context, "usagelimit", limit_id),
                "resourceArn": params["resourceArn"],
                "usageType": params["usageType"],
                "amount": params["amount"],
                "period": period,
                "breachAction": params.get("breachAction", "log"),
            }
            self._resources.put("usage_limit", limit_id, limit)
        return {"usageLimit": limit}

    def GetUsageLimit(self, _context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        """Describe a usage limit."""
        return {"usageLimit": self._found("usage_limit", params["usageLimitId"])}

    def UpdateUsageLimit(self, _context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        """Change a usage limit."""
        with self._resources.lock:
            limit = self._found("usage_limit", params["usageLimitId"])
            _check_amount(params)
            limit |= {key: params[key] for key in ("amount", "breachAction") if key in params}
            self._resources.put("usage_limit", limit["usageLimitId"], limit)
        return {"usageLimit": limit}

    def DeleteUsageLimit(self, _context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        """Delete a usage limit."""
        with self._resources.lock:
            limit = self._found("usage_limit", params["usageLimitId"])
            self._resources.remove("usage_limit", limit["usageLimitId"])
        return {"usageLimit": limit}

    def ListUsageLimits(self, _context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        """List the usage limits."""
        wanted = {key: params[key] for key in ("resourceArn", "usageType") if key in params}
        limits = [
            limit
            for limit in self._resources.all("usage_limit")
            if all(limit[key] == value for key, value in wanted.items())
        ]
        items, token = page(limits, limit=params.get("maxResults", 100), token=params.get("nextToken"))
        return {"usageLimits": items, "nextToken": token}

    # ------------------------------------------------------------------------------------------------ tags

    def TagResource(self, _context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        """Add tags to a namespace or workgroup, or change them."""
        with self._resources.lock:
            self._require_arn(params["resourceArn"])
            self._put_tags(params["resourceArn"], params["tags"])
        return {}

    def UntagResource(self, _context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        """Remove tags from a namespace or workgroup."""
        with self._resources.lock:
            arn = params["resourceArn"]
            self._require_arn(arn)
            kept = {key: value for key, value in self.tags(arn).items() if key not in params["tagKeys"]}
            self._resources.put("tags", arn, kept)
        return {}

    def ListTagsForResource(self, _context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        """List the tags of a namespace or workgroup."""
        self._require_arn(params["resourceArn"])
        tags = self.tags(params["resourceArn"])
        return {"tags": [{"key": key, "value": value} for key, value in tags.items()]}

    def tags(self, arn: str) -> dict[str, str]:
        """Return the tags of a namespace or workgroup by its ARN; no tags if it does not exist."""
        return self._resources.get("tags", arn) or {}

    def _put_tags(self, arn: str, tags: list[dict[str, str]]) -> None:
        merged = self.tags(arn) | {tag["key"]: tag["value"] for tag in tags}
        if len(merged) > _TAGS_AT_MOST:
            raise AwsError("TooManyTagsException", f"At most {_TAGS_AT_MOST} tags.", resourceName=arn)
        self._resources.put("tags", arn, merged)

    # ------------------------------------------------------------------------------------------------ finding

    def _namespace(self, name: str) -> Document:
        return self._found("namespace", name)

    def _found(self, kind: str, name: str) -> Document:
        document = self._resources.get(kind, name)
        if document is None:
            words = kind.replace("_", " ").capitalize()
            raise AwsError("ResourceNotFoundException", f"{words} {name} not found.", resourceName=name)
        return document

    def _available(self, kind: str, name: str) -> Document:
        document = self._found(kind, name)
        if document["status"] != "AVAILABLE":
            raise AwsError("ConflictException", f"{kind.capitalize()} {name} is {document['status']}; try again later.")
        return document

    def _require_arn(self, arn: str) -> None:
        for kind in ("namespace", "workgroup"):
            if any(document[f"{kind}Arn"] == arn for document in self._resources.all(kind)):
                return
        raise AwsError("ResourceNotFoundException", f"There is no resource {arn}.", resourceName=arn)

    def _refuse_shared_database(self, name: str) -> None:
        for other in self._resources.all("namespace"):
            if other["dbName"] == name:
                raise AwsError(
                    "NotImplemented",
                    f"Namespace {other['namespaceName']} already has a database named {name}, and all local namespaces "
                    "share one PostgreSQL server: use a different dbName for the new namespace.",
                    501,
                )

    # ------------------------------------------------------------------------------------------------ for the Data API

    def workgroup_status(self, name_or_arn: str) -> str | None:
        """Return a workgroup's status, or None if the workgroup does not exist."""
        workgroup = self._workgroup_of(name_or_arn)
        return None if workgroup is None else str(workgroup["status"])

    def credentials_valid(self, name_or_arn: str, username: str, password: str) -> bool:
        """Return whether a user's password is valid for a workgroup. Only the admin user has a password."""
        workgroup = self._workgroup_of(name_or_arn)
        namespace = None if workgroup is None else self._resources.get("namespace", workgroup["namespaceName"])
        if namespace is None or "password" not in namespace or username != namespace["adminUsername"]:
            return False
        return hmac.compare_digest(namespace["password"], _hashed(password, namespace["namespaceId"]))

    def associated_roles(self, name_or_arn: str) -> list[str]:
        """Return the ARNs of the roles that are associated with a workgroup's namespace."""
        workgroup = self._workgroup_of(name_or_arn)
        return [] if workgroup is None else list(self._namespace(workgroup["namespaceName"])["iamRoles"])

    def database_user_arn(self, name_or_arn: str, user: str) -> str | None:
        """Return the ARN of a database user, the sts:ExternalId of Redshift when it assumes a role for the user.

        https://docs.aws.amazon.com/redshift/latest/mgmt/authorizing-redshift-service-database-users.html
        """
        workgroup = self._workgroup_of(name_or_arn)
        if workgroup is None:
            return None
        _arn, _aws, _service, region, account, _resource = workgroup["workgroupArn"].split(":", 5)
        return f"arn:aws:redshift:{region}:{account}:dbuser:serverless-{account}-{workgroup['workgroupId']}/{user}"

    def workgroup_arn(self, name_or_arn: str) -> str | None:
        """Return a workgroup's ARN, or None if the workgroup does not exist."""
        workgroup = self._workgroup_of(name_or_arn)
        return None if workgroup is None else str(workgroup["workgroupArn"])

    def namespace_arn(self, name: str) -> str | None:
        """Return a namespace's ARN, or None if the namespace does not exist."""
        namespace = self._resources.get("namespace", name)
        return None if namespace is None else str(namespace["namespaceArn"])

    def longest_execution(self, name_or_arn: str) -> int:
        """Return the number of seconds after which a workgroup aborts a statement."""
        workgroup = self._workgroup_of(name_or_arn)
        config = _CONFIG_DEFAULTS if workgroup is None else workgroup["config"]
        return int(config[_EXECUTION_TIME])

    def database_names(self) -> list[str]:
        """Return the names of the namespaces' databases."""
        return [namespace["dbName"] for namespace in self._resources.all("namespace")]

    def workgroup_of_user(self, database: str, user: str) -> str:
        """Return the name of a workgroup whose namespace has this database and admin user; empty if there is none."""
        for workgroup in self._resources.all("workgroup"):
            namespace = self._namespace(workgroup["namespaceName"])
            if (namespace["dbName"], namespace["adminUsername"]) == (database, user):
                return str(workgroup["workgroupName"])
        return ""

    def _workgroup_of(self, name_or_arn: str) -> Document | None:
        for workgroup in self._resources.all("workgroup"):
            if name_or_arn in {workgroup["workgroupName"], workgroup["workgroupArn"]}:
                return workgroup
        return None

    # ------------------------------------------------------------------------------------------------ admin password

    def _let_admin_in(self, namespace: Document, password: str | None) -> None:
        if password is not None:
            self._admin_login(namespace["adminUsername"], password, namespace["dbName"])

    def _forget_admin(self, user: str, *, without: str | None = None) -> None:
        """Refuse an admin user that no namespace has any longer, ignoring one that is being deleted."""
        others = [other for other in self._resources.all("namespace") if other["namespaceName"] != without]
        if all(other["adminUsername"] != user for other in others):
            self._refuse_login(user)

    def _set_password(self, namespace: Document, params: dict[str, Any]) -> str | None:
        """Set the admin password that a request contains. Return it, or None if it stays unchanged."""
        password: str | None = None
        if "adminUserPassword" in params:
            password = params["adminUserPassword"]
            namespace["password"] = _hashed(params["adminUserPassword"], namespace["namespaceId"])
            self._forget_managed_password(namespace)
        managed = "adminPasswordSecretArn" in namespace
        if params.get("manageAdminPassword") and not managed:
            password = new_password()
            secret = {"username": namespace["adminUsername"], "password": password}
            created = self._secrets_client().create_secret(
                Name=f"redshift!{namespace['namespaceName']}-{namespace['adminUsername']}",
                Description="The admin password that Redshift Serverless manages",
                SecretString=json.dumps(secret),
                **(
                    {"KmsKeyId": params["adminPasswordSecretKmsKeyId"]}
                    if params.get("adminPasswordSecretKmsKeyId")
                    else {}
                ),
            )
            namespace["adminPasswordSecretArn"] = created["ARN"]
            namespace["password"] = _hashed(password, namespace["namespaceId"])
            namespace["adminPasswordSecretKmsKeyId"] = params.get("adminPasswordSecretKmsKeyId", "AWS_OWNED_KMS_KEY")
        elif managed and params.get("manageAdminPassword") is False:
            self._forget_managed_password(namespace)
        return password

    def _forget_managed_password(self, namespace: Document) -> None:
        arn = namespace.pop("adminPasswordSecretArn", None)
        namespace.pop("adminPasswordSecretKmsKeyId", None)
        if arn is not None:
            self._secrets_client().delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)


def new_password() -> str:
    """Return a random password that satisfies Redshift's rules."""
    alphabet = string.ascii_letters + string.digits
    while True:
        password = "".join(secrets.choice(alphabet) for _ in range(32))
        if _password_problem(password) is None:
            return password


def _hashed(password: str, salt: str) -> str:
    return hashlib.sha256(f"{salt}/{password}".encode()).hexdigest()


def _password_problem(password: str) -> str | None:
    if not 8 <= len(password) <= 64:
        return "must have 8 to 64 characters"
    for pattern, words in ((r"[A-Z]", "an uppercase letter"), (r"[a-z]", "a lowercase letter"), (r"\d", "a digit")):
        if re.search(pattern, password) is None:
            return f"must contain {words}"
    if re.search(r"[^!-~]|['\"\\/@]", password):
        return "must be printable ASCII without ' \" \\ / @ and space"
    return None


def _check_namespace(params: dict[str, Any]) -> None:
    password = params.get("adminUserPassword")
    if password is not None:
        if params.get("manageAdminPassword"):
            raise AwsError("ValidationException", "You can't use adminUserPassword if manageAdminPassword is true.")
        problem = _password_problem(password)
        if problem:
            raise AwsError("ValidationException", f"The adminUserPassword {problem}.")
        if "adminUsername" not in params:
            raise AwsError("ValidationException", "The adminUserPassword needs an adminUsername.")
    if params.get("adminPasswordSecretKmsKeyId") and not params.get("manageAdminPassword"):
        raise AwsError("ValidationException", "adminPasswordSecretKmsKeyId needs manageAdminPassword.")
    if re.fullmatch(r"[a-z_][a-z0-9_$]{0,126}", params.get("dbName", "dev")) is None:
        raise AwsError("ValidationException", f"{params['dbName']!r} is not a valid dbName.")
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.@+-]{0,127}", params.get("adminUsername", "admin")) is None:
        raise AwsError("ValidationException", f"{params['adminUsername']!r} is not a valid adminUsername.")
    if is_own_name(params.get("adminUsername", "admin")):
        raise AwsError(
            "NotImplemented", f"{params['adminUsername']!r} is a name that the local warehouse uses itself.", 501
        )
    unknown = set(params.get("logExports", [])) - _LOG_EXPORTS
    if unknown:
        raise AwsError("ValidationException", f"logExports cannot have {', '.join(sorted(unknown))}.")
    for role in params.get("iamRoles", []):
        if re.fullmatch(r"arn:aws[a-z-]*:iam::\d{12}:role/.+", role) is None:
            raise AwsError("ValidationException", f"{role!r} is not the ARN of a role.")
    default_role = params.get("defaultIamRoleArn")
    if default_role and default_role not in params.get("iamRoles", []):
        raise AwsError("ValidationException", "The defaultIamRoleArn is not one of the iamRoles.")


def _changed_workgroup(workgroup: Document, params: dict[str, Any]) -> Document:
    """Return the workgroup with the changes of a create or update request, validated."""
    changed = dict(workgroup)
    for member in (
        "baseCapacity",
        "enhancedVpcRouting",
        "extraComputeForAutomaticOptimization",
        "ipAddressType",
        "maxCapacity",
        "port",
        "pricePerformanceTarget",
        "publiclyAccessible",
        "securityGroupIds",
        "subnetIds",
        "trackName",
    ):
        if member in params:
            changed[member] = params[member]
    base, most = changed["baseCapacity"], changed.get("maxCapacity")
    # 4 RPUs, then steps of 8 up to 512 and of 32 up to 1024.
    if base not in {4, *range(8, 513, 8), *range(512, 1025, 32)}:
        raise AwsError("ValidationException", f"A base capacity of {base} RPUs does not exist.")
    if most is not None and most < base:
        raise AwsError("ValidationException", f"The max capacity {most} is less than the base capacity {base}.")
    if changed["port"] not in _PORTS:
        raise AwsError("ValidationException", f"The port {changed['port']} is not in 5431-5455 or 8191-8215.")
    changed["config"] = {**changed["config"], **_config(params.get("configParameters", []))}
    return changed


def _config(parameters: list[dict[str, str]]) -> dict[str, str]:
    known = {*_CONFIG_DEFAULTS, *_QUERY_MONITORING, "wlm_json_configuration"}
    found: dict[str, str] = {}
    for parameter in parameters:
        key, value = parameter.get("parameterKey"), parameter.get("parameterValue")
        if key not in known or value is None:
            raise AwsError("ValidationException", f"The config parameter {key!r} is unknown or has no value.")
        found[key] = value
    if "wlm_json_configuration" in found and found.keys() & _QUERY_MONITORING:
        raise AwsError("ValidationException", "Use wlm_json_configuration or query monitoring metrics, not both.")
    for key, value in found.items():
        if key == _EXECUTION_TIME:
            if not value.isdecimal() or not 1 <= int(value) <= _LONGEST_EXECUTION_SECONDS:
                raise AwsError(
                    "ValidationException",
                    f"{key} must be from 1 to {_LONGEST_EXECUTION_SECONDS} seconds, not {value!r}.",
                )
        elif key not in _CONFIG_WITHOUT_EFFECT and _without_spaces(value) != _without_spaces(_CONFIG_DEFAULTS.get(key)):
            raise AwsError(
                "NotImplemented",
                f"The local Redshift does not support the config parameter {key} = {value!r}.",
                501,
            )
    return found


def _without_spaces(value: str | None) -> str | None:
    return None if value is None else value.replace(" ", "").lower()


def _check_amount(params: dict[str, Any]) -> None:
    if params.get("amount", 1) <= 0:
        raise AwsError("ValidationException", "The amount must be a positive number.")


def _namespace_answer(namespace: Document) -> dict[str, Any]:
    # AWS returns roles in this form, and Terraform parses it.
    roles = [f"IamRole(applyStatus=in-sync, iamRoleArn={role})" for role in namespace["iamRoles"]]
    answer = {name: value for name, value in namespace.items() if name != "password"}
    return {**answer, "iamRoles": roles, "creationDate": dt.datetime.fromisoformat(namespace["creationDate"])}


def _workgroup_answer(workgroup: Document) -> dict[str, Any]:
    answer = {key: value for key, value in workgroup.items() if key not in {"config", "address"}}
    return {
        **answer,
        "configParameters": [
            {"parameterKey": key, "parameterValue": value} for key, value in sorted(workgroup["config"].items())
        ],
        "endpoint": {"address": workgroup["address"], "port": workgroup["port"], "vpcEndpoints": []},
        "creationDate": dt.datetime.fromisoformat(workgroup["creationDate"]),
    }


def _arn(context: RequestContext, kind: str, identifier: str) -> str:
    return f"arn:aws:redshift-serverless:{context.region}:{context.account_id}:{kind}/{identifier}"


def _written(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).isoformat(timespec="milliseconds")
