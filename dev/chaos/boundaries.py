"""Boundaries: the side effects of a load, by name, and which day's load one belongs to. Pure but for what was learned.

A day's load has no name in most of its calls. It is told by what the call carries: a window in a key, a batch id in a
statement, or an id that an earlier answer of the same load gave (a Glue run, a staging table).
"""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import unquote

from local_aws.front.server import Call
from local_aws.protocol.wire import Answer

_S3_ROLES = (
    (r"raw/.*/manifest\.json$", "raw manifest"),
    (r"raw/", "raw object"),
    (r"curated/_manifests/.*/copy_manifest\.json$", "COPY manifest"),
    (r"curated/_manifests/.*/curation_report\.json$", "curation report"),
    (r"curated/_manifests/.*/quality_report\.json$", "quality report"),
    (r"(curated|quarantine)/.*/_temporary/", "temporary file"),
    (r"curated/", "curated file"),
    (r"quarantine/", "quarantine file"),
)
_STATEMENT_ROLES = (
    # The first that fits: a batch holds the words of several.
    ("copy_to_staging", r"COPY crypto\.stg_"),
    ("merge_into_fact", r"MERGE INTO|rows_owned = counted\.rows_merged"),
    ("record_load", r"SET recorded_at = GETDATE"),
    ("check_staging", r"CALL crypto\.check_staging"),
    ("drop_staging", r"DROP TABLE IF EXISTS crypto\.stg_"),
    ("plan_load", r"WITH touching"),
    ("publish_partitions", r"markets,\\n    COALESCE\(load_number, 0\) AS load_number"),
    ("reconcile", r"AS load_number\\n\s+FROM crypto\.etl_metadata\\n\s+WHERE\\n\s+window_start"),
)
_IN_BATCH = ("statement", "commit")
EVERY_EFFECT = frozenset(
    {
        *("put raw object", "put raw manifest", "start Glue run"),
        *(f"{verb} temporary file" for verb in ("put", "delete")),
        *(f"{verb} {what} file" for verb in ("put", "copy") for what in ("curated", "quarantine")),
        *("put COPY manifest", "create partitions", "switch partitions"),
        *("put quality report", "put curation report"),
        *(f"submit {role}" for role, _ in _STATEMENT_ROLES),
        *(f"{role}: {what}" for role in ("copy_to_staging", "merge_into_fact", "record_load") for what in _IN_BATCH),
    }
)
"""The families of effects of the load of a day that was loaded before. Only a window of several days can have one more,
"delete partitions": it takes a day away that has no rows any more."""

_EFFECTS = re.compile(r"(Put|Create|Copy|Delete|Update|Start|Execute|BatchExecute|BatchCreate|BatchUpdate|BatchDelete)")
_SCOPE = re.compile(r"(?:attempt|version)=([^/]+)|_manifests/([^/]+)/")
_BATCH = re.compile(r"(\d{8})-\d{8}-([0-9a-f]{16})")
_STAGING = re.compile(r"stg_crypto_prices_([0-9a-f]{16})")
_GLUE_RUN = re.compile(r"jr_[0-9a-f]{64}")
_WINDOW_IN_KEY = re.compile(r"window=(\d{8})-\d{8}")
_WINDOW_IN_CHECK = re.compile(r"check_staging\([^)]*?'(\d{4}-\d\d-\d\d)'")
_WINDOW_IN_SQL = re.compile(r"window_start < '[\d-]+'\\n\s+AND window_end > '(\d{4}-\d\d-\d\d)'")


@dataclass(frozen=True)
class Effect:
    """One side effect of one day's load.

    Attributes:
        name: What it is, such as ``put raw manifest``; the same in every load.
        scope: Within what equal effects are counted: the fetch attempt, the Glue run, or nothing.
        day: The day that is loaded.
    """

    name: str
    scope: str
    day: date


class Boundaries:
    """Names effects and finds out whose they are; learns the ids that the answers give. For several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._day_of_staging: dict[str, date] = {}
        self._day_of_glue_run: dict[str, date] = {}

    def effect(self, call: Call) -> Effect | None:
        """Return the side effect that a call asks for; None when it only reads or belongs to no load."""
        if not _EFFECTS.match(call.operation):
            return None
        name = _name(call)
        day = self._day(call)
        if name is None or day is None:
            return None
        found = _SCOPE.search(unquote(call.request.raw_path))
        return Effect(name, (found[1] or found[2]) if found else "", day)

    def day_of_text(self, text: str) -> date | None:
        """Return whose load a JSON text, such as a request's body, is of."""
        return self._day_in(text)

    def learn(self, call: Call, answer: Answer) -> None:
        """Remember what an answer says about the loads that go on."""
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
        path = unquote(call.request.raw_path)
        window = _WINDOW_IN_KEY.search(path)
        if window:
            return _day(window[1])
        return self._day_in(path + call.request.body.decode("utf-8", "replace") if call.service != "s3" else path)

    def _day_in(self, text: str) -> date | None:
        batch = _BATCH.search(text)
        if batch:
            return _day(batch[1])
        asked = _WINDOW_IN_SQL.search(text) or _WINDOW_IN_CHECK.search(text)
        if asked:
            return date.fromisoformat(asked[1])
        with self._lock:
            for pattern, known in ((_GLUE_RUN, self._day_of_glue_run), (_STAGING, self._day_of_staging)):
                found = pattern.search(text)
                if found and (key := found[found.lastindex or 0]) in known:
                    return known[key]
        return None


def family(boundary: str) -> str:
    """Return what a boundary is one of: equal effects of one load, or the statements of one transaction."""
    return re.sub(r" #\d+$|(?<=: statement) \d+ .*", "", boundary)


def statement_role(text: str) -> str | None:
    """Return the task that a statement, or a batch of them, is of.

    Args:
        text: The SQL as it stands in a JSON body.
    """
    return next((role for role, pattern in _STATEMENT_ROLES if re.search(pattern, text)), None)


def _name(call: Call) -> str | None:
    if call.service == "s3":
        key = unquote(call.request.raw_path).lstrip("/").partition("/")[2]
        role = next((role for pattern, role in _S3_ROLES if re.match(pattern, key)), None)
        verb = re.match(r"[A-Z][a-z]+", call.operation)
        return None if role is None or verb is None else f"{verb[0].lower()} {role}"
    if call.service == "redshift-data":
        role = statement_role(call.request.body.decode("utf-8", "replace"))
        return None if role is None else f"submit {role}"
    if call.service == "glue":
        return {
            "StartJobRun": "start Glue run",
            "BatchCreatePartition": "create partitions",
            "BatchUpdatePartition": "switch partitions",
            "BatchDeletePartition": "delete partitions",
        }.get(call.operation)
    return None


def _day(text: str) -> date:
    return datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007 - a day has no zone


def first_words(sql: str, count: int = 2) -> str:
    """Return how a statement begins, for names: without arguments, and without what differs from load to load."""
    lines = [line for line in sql.splitlines() if line.strip() and not line.lstrip().startswith("--")]
    words = " ".join(" ".join(lines).partition("(")[0].split()[:count])
    return re.sub(r"_[0-9a-f]{16}$", "", words)
