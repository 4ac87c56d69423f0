"""Guards: the safeguards of a load. Each can be switched off for one day's loads, to prove that the harness notices.

Airflow's processes import this module through ``airflow_policy.py`` and patch the bundle. Through ``signals``
they learn which days load without a guard, and the harness learns whether a load reached the guard. The bundle does not
depend on this.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from dev.chaos.boundaries import statement_name
from dev.chaos.cases import NOTHING_BROKEN, UNFORCED, Case, Happening, Recovery
from dev.chaos.faults import Kind
from dev.chaos.signals import Signals

_PAGES = threading.Lock()
_STATEMENTS = {
    "merges-take-turns": "load/lock_loads",
    "fetch-order": "load/guards/check_origin",
    "no-silent-removal": "load/guards/check_removed",
}
"""The guards that are a single statement of a batch, with its name."""


@dataclass(frozen=True)
class Guard:
    """One guard.

    Attributes:
        name: Its name.
        protects: The rule that it enforces.
        case: The case that reveals its absence.
        shows: A regular expression that matches one of the differences if the guard is missing.
        disturbs: Whether a load without it can abort other loads, because it writes without the load lock.
    """

    name: str
    protects: str
    case: Case
    shows: str
    disturbs: bool = False

    @property
    def off(self) -> Case:
        """The case with this guard switched off."""
        return replace(self.control, guard_off=self.name)

    @property
    def control(self) -> Case:
        """The same case with this guard on, which must have no differences.

        It has ``force``, unless it tests a load without ``force``. So the day starts with one candle too many.
        """
        return replace(self.case, forced=self.case.happening not in UNFORCED)


GUARDS: Mapping[str, Guard] = {
    guard.name: guard
    for guard in (
        Guard(
            "manifest-last",
            "the raw manifest is written after all objects, and each attempt has its own",
            Case("put raw manifest #1", Kind.KILLED, Recovery.RETRY),
            r"has failed: .*curate_prices: .*PATH_NOT_FOUND",
        ),
        Guard(
            "own-staging",
            "each run has its own staging table",
            Case("submit check_staging", Kind.SLOW, Recovery.SECOND_RUN),
            r"CP-0[1-5]\b|relation \"(crypto\.)?stg_crypto_prices_shared\"",
        ),
        Guard(
            "staging-checked",
            "a merge refuses a staging table that differs from the Glue run's output",
            Case("submit merge_into_fact", None, Recovery.CLEAR_FAILED, Happening.STAGING_HALVED),
            r"neither the old nor the new content",
        ),
        Guard(
            "one-transaction",
            "delete, merge and metadata are one transaction",
            # Submitted one by one, each statement is a call, and the statements before the merge have taken effect.
            Case("submit merge_into_fact", Kind.REFUSED, Recovery.CLEAR_FAILED),
            r"neither the old nor the new content",
            disturbs=True,
        ),
        Guard(
            "replace-not-append",
            "a load replaces the rows of its window",
            Case("merge_into_fact: commit", Kind.REFUSED, Recovery.RETRY),
            r"\d+ are wrong or duplicate|neither the old nor the new content",
        ),
        Guard(
            "closed-candles-only",
            "a window that has not ended is refused",
            Case(NOTHING_BROKEN, None, Recovery.RETRY, Happening.DAY_NOT_OVER),
            r"a day that has not ended was loaded",
        ),
        Guard(
            "work-done-again",
            "a cleared task submits its statements again",
            Case(NOTHING_BROKEN, None, Recovery.CLEAR_FAILED, Happening.FACT_DAMAGED),
            r"the fact table has 24 rows instead of 48",
        ),
        Guard(
            "skip-same-content-only",
            "only a load with the same content as the warehouse is skipped",
            Case(NOTHING_BROKEN, None, Recovery.RETRY, Happening.CANDLES_CORRECTED),
            r"the fact table has 48 rows instead of 48: 48 are missing",
        ),
        Guard(
            "merges-take-turns",
            "loads acquire the load lock before they read the warehouse",
            Case(
                "merge_into_fact: statement load/counts/delete_etl_metadata",
                None,
                Recovery.SECOND_RUN,
                Happening.MERGES_MEET,
            ),
            r"failed with 1023",
            disturbs=True,
        ),
        Guard(
            "fetch-order",
            "a load does not replace rows that were fetched later",
            Case("submit merge_into_fact", None, Recovery.CLEAR_ALL, Happening.FETCHED_LATER),
            r"replaced by candles that were fetched earlier",
        ),
        Guard(
            "no-silent-removal",
            "a load without force deletes no candles",
            Case(NOTHING_BROKEN, None, Recovery.REPROCESS, Happening.CANDLE_MISSING),
            r"was deleted without force",
        ),
    )
}


def install() -> None:
    """Patch the bundle in this process, so that each guard can be switched off for a day."""
    from airflow.providers.amazon.aws.operators.redshift_data import RedshiftDataOperator
    from crypto_prices.fetch import fetch_prices, raw_zone
    from crypto_prices.plan import plan_load, resolve_window
    from crypto_prices.xcom import batch

    _patch(RedshiftDataOperator, "execute", _execute_statement)
    _patch(fetch_prices.FetchPricesOperator, "execute", _execute_fetch)
    _patch(raw_zone.RawZone, "commit", _commit_manifest)
    _patch(raw_zone.RawZone, "put_page", _put_page)
    _patch(plan_load, "reason_to_skip", _reason_to_skip)
    for module in (fetch_prices, resolve_window):
        _patch(module, "refuse_unclosed", _refuse_unclosed)
    original = batch.Batch.of_run.__func__  # type: ignore[attr-defined]
    batch.Batch.of_run = classmethod(lambda cls, *args: _batch_of_run(original, cls, *args))  # type: ignore[assignment,method-assign]


def _patch(owner: Any, name: str, replacement: Callable[..., Any]) -> None:
    original = getattr(owner, name)
    setattr(owner, name, lambda *args, **kwargs: replacement(original, *args, **kwargs))


def _is_off(guard: str, day: date) -> bool:
    return Signals.from_environment().guard_off(day) == guard


def _left_out(guard: str, day: date) -> None:
    Signals.from_environment().left_out(day, guard)


def _day_of(context: Any) -> date | None:
    """Return the day that a run loads; None for a run that loads none, such as one of the marts."""
    run = context["dag_run"]
    given = (run.conf or {}).get("day") or (run.conf or {}).get("start")
    if given:
        return date.fromisoformat(given)
    return run.logical_date.date() if run.logical_date else None


def _execute_statement(original: Callable[..., Any], operator: Any, context: Any) -> Any:
    day, task = _day_of(context), operator.task_id
    if day is None:
        return original(operator, context)
    if _is_off("staging-checked", day):
        if isinstance(operator.sql, list):
            _replace(operator, "staging-checked", day, {"load/guards/check_staging": None})
        elif statement_name(operator.sql) == "load/guards/check_staging":
            operator.sql = "SELECT 1"
    for guard, name in _STATEMENTS.items():
        if _is_off(guard, day) and isinstance(operator.sql, list):
            _replace(operator, guard, day, {name: "SELECT 1"})
    if _is_off("replace-not-append", day) and task == "merge_into_fact":
        _replace(operator, "replace-not-append", day, {"load/replace/delete_replaced_rows": None})
    if _is_off("work-done-again", day):
        operator.deferrable, operator.durable = False, True
        # Only the cleared merge has work to do again.
        if task == "merge_into_fact" and context["dag_run"].clear_number:
            _left_out("work-done-again", day)
    if _is_off("one-transaction", day) and task == "merge_into_fact":
        _left_out("one-transaction", day)
        for sql in _with_lasting_tables(operator.sql, day):
            operator.hook.execute_query(
                database=operator.database,
                sql=sql,
                workgroup_name=operator.workgroup_name,
                secret_arn=operator.secret_arn,
                wait_for_completion=True,
                # More than twenty statements must finish, one after the other, before the task's timeout.
                poll_interval=0.1,
            )
        return []
    return original(operator, context)


def _with_lasting_tables(statements: Sequence[str], day: date) -> list[str]:
    """Return the statements with tables in place of their temporary tables, which end with the session of each call."""
    temporary = re.findall(r"CREATE TEMP TABLE (\w+)", "\n".join(statements))
    lasting = [sql.replace("CREATE TEMP TABLE", "CREATE TABLE") for sql in statements]
    for name in temporary:
        lasting = [re.sub(rf"\b{name}\b", f"crypto.{name}_{day:%Y%m%d}", sql) for sql in lasting]
    return [*(f"DROP TABLE IF EXISTS crypto.{name}_{day:%Y%m%d}" for name in temporary), *lasting]


def _replace(operator: Any, guard: str, day: date, replacements: Mapping[str, str | None]) -> None:
    """Replace statements of a batch by name; None removes one.

    The guards protect the merge, so only the merge reaches them. record_load acquires the load lock, too.
    """
    names = {statement_name(sql) for sql in operator.sql} & set(replacements)
    changed = [replacements.get(statement_name(sql) or "", sql) for sql in operator.sql]
    operator.sql = [sql for sql in changed if sql is not None]
    if operator.task_id == "merge_into_fact" and len(names) == len(replacements):
        _left_out(guard, day)


def _execute_fetch(original: Callable[..., Any], operator: Any, context: Any) -> Any:
    """Without manifest-last, trust an existing manifest of any attempt."""
    from crypto_prices.settings import load_settings

    day = _day_of(context)
    if day is not None and _is_off("manifest-last", day):
        s3, bucket = operator.hook.conn, load_settings().s3_bucket
        prefix = f"raw/crypto_prices/source={operator.source}/year={day:%Y}/month={day:%m}/day={day:%d}/"
        found = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
        manifests = [item["Key"] for item in found if item["Key"].endswith("/manifest.json")]
        if manifests:
            _left_out("manifest-last", day)
            document = json.loads(s3.get_object(Bucket=bucket, Key=manifests[0])["Body"].read())
            return {
                "source": operator.source,
                "candle_interval": document["candle_interval"],
                "raw_manifest": f"s3://{bucket}/{manifests[0]}",
                "content_hash": document["content_hash"],
                "records": document["records"],
                "markets": [f"{market['symbol']}/{market['quote_currency']}" for market in document["symbols"]],
                "gaps": [],
                "incomplete": {},
                "fetched_at": document["written_at"],
            }
    return original(operator, context)


def _put_page(original: Callable[..., Any], zone: Any, market: Any, page: Any) -> Any:
    """Without manifest-last, delay the pages until the manifest is written. Each market has its own thread."""
    with _PAGES:
        if _is_off("manifest-last", zone._window.start) and "_chaos_waiting" not in zone.__dict__:
            zone._chaos_waiting = []
            zone._put = lambda *args, **kwargs: zone._chaos_waiting.append((args, kwargs))
            _left_out("manifest-last", zone._window.start)
    return original(zone, market, page)


def _commit_manifest(original: Callable[..., Any], zone: Any, written_at: Any) -> Any:
    zone.__dict__.pop("_put", None)
    manifest = original(zone, written_at)
    for args, kwargs in zone.__dict__.get("_chaos_waiting", ()):
        zone._put(*args, **kwargs)
    return manifest


def _reason_to_skip(original: Callable[..., Any], batch: Any, current_loads: Any, published: Any) -> Any:
    if _is_off("skip-same-content-only", date.fromisoformat(batch.window_start)) and current_loads:
        _left_out("skip-same-content-only", date.fromisoformat(batch.window_start))
        return "the window is loaded regardless of its content"
    return original(batch, current_loads, published)


def _refuse_unclosed(original: Callable[..., Any], window: Any, now: Any) -> None:
    if _is_off("closed-candles-only", window.start):
        _left_out("closed-candles-only", window.start)
    else:
        original(window, now)


def _batch_of_run(original: Callable[..., Any], cls: Any, dag_id: str, run_id: str, window: Any, sources: Any) -> Any:
    made = original(cls, dag_id, run_id, window, sources)
    if not _is_off("own-staging", window.start):
        return made
    _left_out("own-staging", window.start)
    return replace(made, staging_table="stg_crypto_prices_shared")
