"""What one refresh of the marts must do."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from typing import Any

from jinja2 import Environment, pass_environment

from crypto_prices.aws.redshift_data import Value
from crypto_prices.task_statements import REFRESH_MARTS

BEFORE_ALL_DAYS = "1900-01-01"
AFTER_ALL_DAYS = "9000-01-01"
SQL_HAS_CHANGED = "the SQL of the marts has changed"
NO_DIGEST = "the marts were never filled, or a cleared refresh has calculated some days with other SQL than the rest"


@dataclass(frozen=True)
class Refresh:
    """One refresh of the marts.

    Attributes:
        full: Whether all rows are calculated again.
        after_load: The marts contain the loads up to this number.
        through_load: They will contain the loads up to this number.
        first_day: First day (ISO) of the new loads. In a full refresh, a day before all candles.
        end_day: Day (ISO) after the last one of the new loads. In a full refresh, a day after all candles.
        reason: Why it is full, or the loads that it adds.
    """

    full: bool
    after_load: int
    through_load: int
    first_day: str
    end_day: str
    reason: str

    @property
    def days_text(self) -> str:
        """The days of the new loads, for the log."""
        if self.full:
            return "all days"
        return f"{self.first_day} to {date.fromisoformat(self.end_day) - timedelta(days=1)}"

    def as_xcom(self) -> dict[str, Any]:
        """Return the refresh as JSON-able data for XCom."""
        return asdict(self)


def full_refresh(*, after_load: int, through_load: int, reason: str) -> Refresh:
    """Return a refresh of all days."""
    return Refresh(
        full=True,
        after_load=after_load,
        through_load=through_load,
        first_day=BEFORE_ALL_DAYS,
        end_day=AFTER_ALL_DAYS,
        reason=reason,
    )


def plan_refresh(work: Mapping[str, Value], marts_digest: str, *, full: bool) -> Refresh | None:
    """Return the refresh that the marts need, or None if they contain every load.

    Args:
        work: The row of sql/marts/find_work.sql.
        marts_digest: The digest of the statements that would refresh the marts now.
        full: Whether a user wants a full refresh.
    """
    after, newest = int(str(work["through_load"])), int(str(work["newest_load"]))
    if full:
        reason = "the param full_refresh is set"
    elif work["marts_digest"] != marts_digest:
        reason = SQL_HAS_CHANGED if work["marts_digest"] else NO_DIGEST
    elif newest < after:
        reason = f"the marts contain load {after}, but the newest load is {newest}"
    elif newest == after:
        return None
    else:
        return Refresh(
            full=False,
            after_load=after,
            through_load=newest,
            first_day=str(work["first_day"]),
            end_day=str(work["end_day"]),
            reason=f"new loads: {work['new_loads']}",
        )
    return full_refresh(after_load=after, through_load=newest, reason=reason)


@pass_environment
def marts_digest(environment: Environment) -> str:
    """Return the SHA-256 of the statements that refresh the marts, with the dimensions in them.

    It is also a macro: ``sql/marts/record_refresh.sql`` records the digest of the statements that it runs with.

    Args:
        environment: The environment in which Airflow renders the DAG's templates. Jinja passes it to the macro.
    """
    digest = hashlib.sha256()
    full = full_refresh(after_load=0, through_load=0, reason="")
    for planned in (full, replace(full, full=False)):
        for name in REFRESH_MARTS:
            rendered = environment.get_template(name).render(
                ti=None, refresh=lambda _ti, planned=planned: planned, marts_digest=lambda: ""
            )
            digest.update(rendered.encode() + b"\0")
    return digest.hexdigest()
