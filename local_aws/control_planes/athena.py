"""The control plane of Amazon Athena: workgroups, their tags, and named queries.

It stores the settings of a workgroup and the text of named queries. No query engine runs behind it, so query
executions, prepared statements, notebooks and data catalogs are refused.

https://docs.aws.amazon.com/athena/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any

from local_aws.control_planes.resources import Document, Resources, page
from local_aws.protocol.errors import AwsError
from local_aws.protocol.signature import RequestContext

_PRIMARY = "primary"
_AUTO = "AUTO"
# https://docs.aws.amazon.com/athena/latest/ug/engine-versions.html
_ENGINE = "Athena engine version 3"
# AWS does not document the values that CreateWorkGroup gives these members.
_WITHOUT_DEFAULT = ("EnforceWorkGroupConfiguration", "PublishCloudWatchMetricsEnabled")
_STORED = frozenset(
    {"BytesScannedCutoffPerQuery", "EngineVersion", "RequesterPaysEnabled", "ResultConfiguration", *_WITHOUT_DEFAULT}
)
_OF_RESULTS = ("AclConfiguration", "EncryptionConfiguration", "ExpectedBucketOwner", "OutputLocation")
_TAGS_AT_MOST = 50  # https://docs.aws.amazon.com/athena/latest/ug/tags.html
_PAGE = 50


class Athena:
    """Handles the operations of the service ``athena``.

    Args:
        resources: Storage for the workgroups and the named queries.
    """

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    # ------------------------------------------------------------------------------------------------ workgroups

    def CreateWorkGroup(self, context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        """Create a workgroup."""
        name, given = params["Name"], params.get("Configuration", {})
        if params.get("Tags") == []:
            raise _invalid("Tags provided upon WorkGroup creation must not be empty")
        if missing := [member for member in _WITHOUT_DEFAULT if member not in given]:
            raise _refused(f"AWS does not document the default of {missing[0]}: add it to Configuration.")
        configuration = {
            "RequesterPaysEnabled": False,
            "ResultConfiguration": {},
            **_storable(given),
            "EngineVersion": _engine(given.get("EngineVersion", {})),
        }
        _check_results(configuration["ResultConfiguration"])
        with self._resources.lock:
            if name == _PRIMARY or self._resources.get("athena-workgroup", name) is not None:
                raise _invalid("WorkGroup is already created")
            workgroup: Document = {
                "Name": name,
                "State": "ENABLED",
                "Configuration": configuration,
                **({"Description": params["Description"]} if "Description" in params else {}),
                "CreationTime": self._resources.now().timestamp(),
                "Arn": _arn(context, name),
                "Tags": {},
            }
            self._put_tags(workgroup, _by_key(params.get("Tags", [])))
        return {}

    def GetWorkGroup(self, _context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        """Describe a workgroup."""
        workgroup = self._workgroup(params["WorkGroup"])
        return {"WorkGroup": _shown(workgroup, without=("Arn", "Tags"))}

    def ListWorkGroups(self, _context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        """List the workgroups. Each account has the workgroup ``primary``."""
        found: list[dict[str, Any]] = [{"Name": _PRIMARY, "State": "ENABLED"}]
        for workgroup in self._resources.all("athena-workgroup"):
            summary = _shown(workgroup, without=("Arn", "Configuration", "Tags"))
            found.append({**summary, "EngineVersion": workgroup["Configuration"]["EngineVersion"]})
        items, token = page(found, limit=params.get("MaxResults", _PAGE), token=params.get("NextToken"))
        return {"WorkGroups": items, "NextToken": token}

    def UpdateWorkGroup(self, _context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        """Change a workgroup. Settings that the request does not name are kept."""
        updates = dict(params.get("ConfigurationUpdates", {}))
        results = updates.pop("ResultConfigurationUpdates", {})
        without_limit = updates.pop("RemoveBytesScannedCutoffPerQuery", False)
        if without_limit and "BytesScannedCutoffPerQuery" in updates:
            raise _invalid("BytesScannedCutoffPerQuery is both set and removed")
        with self._resources.lock:
            workgroup = self._workgroup(params["WorkGroup"])
            before = workgroup["Configuration"]
            after = {**before, **_storable(updates), "ResultConfiguration": _updated(before, results)}
            if "EngineVersion" in updates:
                after["EngineVersion"] = _engine(updates["EngineVersion"])
            if without_limit:
                after.pop("BytesScannedCutoffPerQuery", None)
            _check_results(after["ResultConfiguration"])
            changed: dict[str, Any] = {name: params[name] for name in ("Description", "State") if name in params}
            self._put({**workgroup, **changed, "Configuration": after})
        return {}

    def DeleteWorkGroup(self, _context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        """Delete a workgroup. One with named queries is deleted only with the option for it."""
        name = params["WorkGroup"]
        if name == _PRIMARY:
            raise _invalid("The primary workgroup cannot be deleted")
        with self._resources.lock:
            self._workgroup(name)
            contents = self._queries_in(name)
            if contents and not params.get("RecursiveDeleteOption"):
                raise _invalid(f"WorkGroup {name} is not empty")
            for query in contents:
                self._resources.remove("athena-query", query["NamedQueryId"])
            self._resources.remove("athena-workgroup", name)
        return {}

    # ------------------------------------------------------------------------------------------------ named queries

    def CreateNamedQuery(self, _context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        """Store a query. The same request with the same token stores it once."""
        with self._resources.lock:
            self._workgroup(params.get("WorkGroup", _PRIMARY))
            token = params.get("ClientRequestToken")
            for query in self._resources.all("athena-query") if token else ():
                if query["ClientRequestToken"] == token:
                    if {**params, "NamedQueryId": query["NamedQueryId"]} != query:
                        raise _invalid("The ClientRequestToken was used for a query with other parameters")
                    return {"NamedQueryId": query["NamedQueryId"]}
            query_id = str(uuid.uuid4())
            query = {"ClientRequestToken": token, **params, "NamedQueryId": query_id}
            self._resources.put("athena-query", query_id, query)
        return {"NamedQueryId": query_id}

    def GetNamedQuery(self, _context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        """Describe a named query."""
        return {"NamedQuery": _shown(self._query(params["NamedQueryId"]), without=("ClientRequestToken",))}

    def ListNamedQueries(self, _context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        """List the IDs of a workgroup's named queries."""
        name = params.get("WorkGroup", _PRIMARY)
        self._workgroup(name)
        identifiers = [query["NamedQueryId"] for query in self._queries_in(name)]
        items, token = page(identifiers, limit=params.get("MaxResults") or _PAGE, token=params.get("NextToken"))
        return {"NamedQueryIds": items, "NextToken": token}

    def DeleteNamedQuery(self, _context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        """Delete a named query."""
        with self._resources.lock:
            self._resources.remove("athena-query", self._query(params["NamedQueryId"])["NamedQueryId"])
        return {}

    # ------------------------------------------------------------------------------------------------ tags

    def TagResource(self, _context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        """Add tags to a workgroup, or change them."""
        with self._resources.lock:
            workgroup = self._by_arn(params["ResourceARN"])
            self._put_tags(workgroup, workgroup["Tags"] | _by_key(params["Tags"]))
        return {}

    def UntagResource(self, _context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        """Remove tags from a workgroup."""
        with self._resources.lock:
            workgroup = self._by_arn(params["ResourceARN"])
            kept = {key: value for key, value in workgroup["Tags"].items() if key not in params["TagKeys"]}
            self._put_tags(workgroup, kept)
        return {}

    def ListTagsForResource(self, _context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        """List the tags of a workgroup."""
        tags = self._by_arn(params["ResourceARN"])["Tags"]
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    # ------------------------------------------------------------------------------------------------ for IAM

    def workgroup_of(self, query_id: str) -> str | None:
        """Return the workgroup to which a named query belongs, or None if there is no such query."""
        query = self._resources.get("athena-query", query_id)
        return None if query is None else str(query["WorkGroup"])

    def tags(self, arn: str) -> Mapping[str, str]:
        """Return the tags of a workgroup by its ARN; no tags if it does not exist."""
        workgroup = self._resources.get("athena-workgroup", arn.rpartition("/")[2])
        return workgroup["Tags"] if workgroup is not None and workgroup["Arn"] == arn else {}

    # ------------------------------------------------------------------------------------------------

    def _workgroup(self, name: str) -> Document:
        if name == _PRIMARY:
            raise _refused("AWS does not document the settings of the workgroup primary: create and name another one.")
        workgroup = self._resources.get("athena-workgroup", name)
        if workgroup is None:
            raise _invalid(f"WorkGroup {name} is not found.")
        return workgroup

    def _by_arn(self, arn: str) -> Document:
        workgroup = self._resources.get("athena-workgroup", arn.rpartition("/")[2])
        if workgroup is None or workgroup["Arn"] != arn:
            raise AwsError("ResourceNotFoundException", f"The resource {arn} is not found.")
        return workgroup

    def _query(self, query_id: str) -> Document:
        query = self._resources.get("athena-query", query_id)
        if query is None:
            raise _invalid(f"NamedQuery {query_id} does not exist")
        return query

    def _queries_in(self, workgroup: str) -> list[Document]:
        return [query for query in self._resources.all("athena-query") if query["WorkGroup"] == workgroup]

    def _put(self, workgroup: Document) -> None:
        self._resources.put("athena-workgroup", workgroup["Name"], workgroup)

    def _put_tags(self, workgroup: Document, tags: dict[str, str]) -> None:
        if len(tags) > _TAGS_AT_MOST:
            raise _invalid(f"A workgroup has at most {_TAGS_AT_MOST} tags")
        self._put({**workgroup, "Tags": tags})


def _storable(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a workgroup.

    Raises:
        AwsError: A setting is for something that does not exist here, such as Spark or IAM Identity Center.
    """
    if others := sorted(given.keys() - _STORED):
        raise _refused(f"The setting {others[0]} of a workgroup is not supported by the local Athena: leave it out.")
    return dict(given)


def _engine(given: Mapping[str, str]) -> dict[str, str]:
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_EngineVersion.html: the default is AUTO."""
    selected = given.get("SelectedEngineVersion", _AUTO)
    if selected not in (_AUTO, _ENGINE):
        raise _refused(f"The local Athena has no engine {selected}: use {_ENGINE} or {_AUTO}.")
    return {"SelectedEngineVersion": selected, "EffectiveEngineVersion": _ENGINE}


def _updated(configuration: Mapping[str, Any], updates: Mapping[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/athena/latest/APIReference/API_ResultConfigurationUpdates.html."""
    results = dict(configuration["ResultConfiguration"])
    for member in _OF_RESULTS:
        if updates.get(f"Remove{member}"):
            if member in updates:
                raise _invalid(f"{member} is both set and removed")
            results.pop(member, None)
        elif member in updates:
            results[member] = updates[member]
    return results


def _check_results(results: Mapping[str, Any]) -> None:
    if not results.get("OutputLocation", "s3://").startswith("s3://"):
        raise _invalid("outputLocation is not a valid S3 path.")


def _shown(document: Document, *, without: tuple[str, ...]) -> dict[str, Any]:
    shown = {name: value for name, value in document.items() if name not in without}
    if "CreationTime" in shown:
        shown["CreationTime"] = dt.datetime.fromtimestamp(shown["CreationTime"], dt.UTC)
    return shown


def _by_key(tags: list[dict[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag.get("Value", "") for tag in tags}


def _arn(context: RequestContext, name: str) -> str:
    return f"arn:aws:athena:{context.region}:{context.account_id}:workgroup/{name}"


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidRequestException", message)


def _refused(message: str) -> AwsError:
    return AwsError("NotImplemented", message, 501)
