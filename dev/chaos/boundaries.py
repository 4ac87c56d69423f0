"""Boundaries: the named side effects of a load, and the day whose load each belongs to.

Most calls of a load do not name the load. The day is derived from the call's content: a window in a key, a batch id in
a statement, or an id from an earlier response of the same load (a Glue run, a staging table).
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import unquote

from local_aws.front.server import Call
from local_aws.iam.s3_actions import deleted_objects
from local_aws.protocol.http_response import HttpResponse

_S3_ROLES = (
    (r"raw/.*/manifest\.json$", "raw manifest"),
    (r"raw/.*/listing=", "raw listing"),
    (r"raw/", "raw object"),
    (r"curated/_manifests/.*/copy_manifest\.json$", "COPY manifest"),
    (r"curated/_manifests/.*/curation_report\.json$", "curation report"),
    (r"curated/_manifests/.*/quality_report\.json$", "quality report"),
    (r"(curated|quarantine)/.*/__magic_job-", "committer file"),
    (r"(curated|quarantine)/.*/_SUCCESS$", "success marker"),
    (r"(curated|quarantine)/.*/$", "folder marker"),
    (r"curated/", "curated file"),
    (r"quarantine/", "quarantine file"),
    (r"loads/", "load record"),
)
_S3_VERBS = {
    "PutObject": "put",
    "CopyObject": "copy",
    "DeleteObject": "delete",
    "DeleteObjects": "delete",
    "CreateMultipartUpload": "begin",
    "UploadPart": "upload",
    "CompleteMultipartUpload": "complete",
    "AbortMultipartUpload": "abort",
}
_TASKS = (
    # The first match wins, because a batch has several statements.
    ("copy_to_staging", "load/staging/copy_to_staging"),
    ("merge_into_fact", "load/replace/insert_staged_rows"),
    # A merge without the guard "replace-not-append", or one that is submitted statement by statement.
    ("merge_into_fact", "load/counts/count_load"),
    ("record_load", "publish/record_load"),
    ("write_load_records", "records/find_newest_load"),
    ("check_staging", "load/guards/check_staging"),
    ("drop_staging", "load/staging/drop_staging"),
    ("plan_load", "plan/find_current_loads"),
    ("publish_partitions", "publish/find_load_order"),
    ("reconcile", "reconcile/find_loads_of_window"),
)
"""The tasks that run statements. Each has a statement that identifies it, unless an earlier entry matches."""
_MARTS_TASKS = (
    ("refresh_marts", "marts/record_refresh"),
    ("plan_refresh", "marts/find_work"),
)
"""The same for a refresh of the marts. ``report_freshness`` runs the statement of ``plan_refresh``, too."""
_IN_BATCH = ("statement", "commit")
EVERY_EFFECT = frozenset(
    {
        *("put raw listing", "put raw object", "put raw manifest", "start Glue run"),
        *("put committer file", "delete committer file", "delete committer files"),
        *(f"{verb} {what} file" for verb in ("begin", "upload", "complete") for what in ("curated", "quarantine")),
        *("put folder marker", "put success marker"),
        *("put COPY manifest", "create partitions", "switch partitions"),
        *("put quality report", "put curation report", "put load record"),
        *(f"submit {task}" for task, _ in _TASKS),
        *(f"{task}: {what}" for task in ("copy_to_staging", "merge_into_fact", "record_load") for what in _IN_BATCH),
    }
)
"""The effect families of a load of a day that was loaded before. Only a window of several days can also have "delete
partitions", for a day that no longer has rows."""

EVERY_MARTS_EFFECT = frozenset(
    {
        *(f"submit {task}" for task, _ in _MARTS_TASKS),
        *(f"refresh_marts: {what}" for what in _IN_BATCH),
    }
)
"""The effect families of a refresh of the marts."""
MARTS_DAG_ID = "crypto_prices_marts"
MARTS_DAY = date.min
"""Stands for the day of the effects of a refresh of the marts, which has no day."""

_EFFECTS = re.compile(
    r"(Put|Create|Copy|Delete|Update|Start|Execute|Upload|Complete|Abort"
    r"|BatchExecute|BatchCreate|BatchUpdate|BatchDelete)"
)
_SCOPE = re.compile(r"(?:attempt|listing|version)=([^/]+)|_manifests/([^/]+)/")
_BATCH = re.compile(r"(\d{8})-\d{8}-([0-9a-f]{16})")
_STAGING = re.compile(r"stg_crypto_prices_([0-9a-f]{16})")
_GLUE_RUN = re.compile(r"jr_[0-9a-f]{64}")
_MARTS = re.compile(r"^-- marts/", re.MULTILINE)
_WINDOW_IN_KEY = re.compile(r"window=(\d{8})-\d{8}")
_STATEMENT_NAME = re.compile(r"-- ([a-z_]+(?:/[a-z_]+)+)(?: from '(\d{4}-\d\d-\d\d)' to '\d{4}-\d\d-\d\d')?\s*(?:\n|$)")


@dataclass(frozen=True)
class Effect:
    """One side effect of one day's load.

    Attributes:
        name: The name, such as ``put raw manifest``; the same in every load.
        scope: Where equal effects are numbered: the fetch attempt, the listing, the Glue run, or empty.
        day: The day of the load.
        target: What equal effects of a scope are told apart by: the path of an object. A client's retry has the same.
    """

    name: str
    scope: str
    day: date
    target: str = ""


class Boundaries:
    """Names effects and finds the day of each, using ids from earlier responses. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._day_of_staging: dict[str, date] = {}
        self._day_of_glue_run: dict[str, date] = {}

    def effect(self, call: Call) -> Effect | None:
        """Return the side effect of a call; None if it only reads or does not belong to a load."""
        if not _EFFECTS.match(call.operation):
            return None
        name = _name(call)
        day = self._day(call)
        if name is None or day is None:
            return None
        target = _target(call)
        found = _SCOPE.search(target)
        return Effect(name, (found[1] or found[2]) if found else "", day, target)

    def day_of_text(self, text: str) -> date | None:
        """Return the day of the load that a text belongs to. The text is SQL or the body of a request."""
        return self._day_in(text)

    def learn(self, call: Call, answer: HttpResponse) -> None:
        """Remember the ids of a load that a response contains."""
        if call.operation != "StartJobRun" or answer.status >= 400:
            return
        arguments: dict[str, str] = json.loads(call.request.body)["Arguments"]
        batch = _BATCH.search(arguments.get("--batch_id", ""))
        if batch is None:
            return
        with self._lock:
            self._day_of_staging[batch[2]] = _day(batch[1])
            self._day_of_glue_run[json.loads(answer.body)["JobRunId"]] = _day(batch[1])

    def staging_tables(self) -> dict[str, date]:
        """Return the staging tables of all loads so far, with their days."""
        with self._lock:
            return {f"stg_crypto_prices_{digest}": day for digest, day in self._day_of_staging.items()}

    def _day(self, call: Call) -> date | None:
        path = _target(call)
        window = _WINDOW_IN_KEY.search(path)
        if window:
            return _day(window[1])
        if call.service == "s3":
            # The key of a load record has only a number, but the record has the batch.
            return self._day_in(call.request.body.decode() if "/loads/" in path else path)
        if call.service == "redshift-data":
            return self._day_in("\n".join(submitted_statements(call.request.body)))
        return self._day_in(path + call.request.body.decode("utf-8", "replace"))

    def _day_in(self, text: str) -> date | None:
        if _MARTS.search(text):
            return MARTS_DAY
        batch = _BATCH.search(text)
        if batch:
            return _day(batch[1])
        for named in _STATEMENT_NAME.finditer(text):
            if named[2]:
                return date.fromisoformat(named[2])
        with self._lock:
            for pattern, known in ((_GLUE_RUN, self._day_of_glue_run), (_STAGING, self._day_of_staging)):
                found = pattern.search(text)
                if found and (key := found[found.lastindex or 0]) in known:
                    return known[key]
        return None


def family(boundary: str) -> str:
    """Return the family of a boundary: equal effects of one load, or the statements of one transaction."""
    return re.sub(r" #\d+$|(?<=: statement) .*", "", boundary)


def statement_name(sql: str) -> str | None:
    """Return a statement's name from its first line: the path of its file below sql/, without suffix.

    If a statement has no batch id, the line also has its window: ``-- plan/find_current_loads from '…' to '…'``.
    """
    found = _STATEMENT_NAME.match(sql)
    return found[1] if found else None


def task_of(statements: Iterable[str]) -> str | None:
    """Return the task that runs a statement or a batch; None if it is neither a task of a load nor of the marts."""
    names = {statement_name(sql) for sql in statements}
    return next((task for task, name in (*_TASKS, *_MARTS_TASKS) if name in names), None)


def submitted_statements(body: bytes) -> list[str]:
    """Return the SQL of a request to the Redshift Data API: one statement, or the statements of a batch."""
    request = json.loads(body)
    return [*request.get("Sqls", []), *([request["Sql"]] if "Sql" in request else [])]


def _target(call: Call) -> str:
    """Return the path of the object that a call names.

    The body of a DeleteObjects names its objects. The first stands for all of them, because they are in one folder.
    """
    path = unquote(call.request.raw_path)
    if call.operation != "DeleteObjects":
        return path
    return f"{path.rstrip('/')}/{next((key for key, _ in deleted_objects(call.request.body)), '')}"


def _name(call: Call) -> str | None:
    if call.service == "s3":
        key = _target(call).lstrip("/").partition("/")[2]
        role = next((role for pattern, role in _S3_ROLES if re.match(pattern, key)), None)
        verb = _S3_VERBS.get(call.operation)
        several = "s" if call.operation == "DeleteObjects" else ""
        return None if role is None or verb is None else f"{verb} {role}{several}"
    if call.service == "redshift-data":
        task = task_of(submitted_statements(call.request.body))
        return None if task is None else f"submit {task}"
    if call.service == "glue":
        return {
            "StartJobRun": "start Glue run",
            "BatchCreatePartition": "create partitions",
            "BatchUpdatePartition": "switch partitions",
            "BatchDeletePartition": "delete partitions",
        }.get(call.operation)
    return None


def _day(text: str) -> date:
    return datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007 - a day has no time zone
