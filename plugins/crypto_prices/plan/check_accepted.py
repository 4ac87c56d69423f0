"""The check of the params with which a user accepts the rejected records of sources."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crypto_prices.plan.check_params import ParamError

LONGEST_NAME = 256
"""Maximum size of a user's name, in bytes: the length of the column ``accepted_by``."""

OPERATOR_TRIGGERED = "operator_triggered"
"""``run_type`` of a run that a task started. Its ``triggering_user_name`` is the one of that task's run."""

LONGEST_REASON = 2000
"""Maximum size of a reason, in bytes: the length of the column ``accepted_because``."""


@dataclass(frozen=True, order=True)
class Acceptance:
    """A user's decision to load a source although too many of its records are rejected.

    Attributes:
        user: Airflow's name of the user.
        reason: Why the records may be missing.
    """

    user: str
    reason: str


def accepting_user(params: Mapping[str, Any], dag_run: Any) -> str | None:
    """Return the user whose acceptance the load records: ``accepted_by``, or else the user who triggered the run.

    ``sql/load/counts/insert_etl_metadata.sql`` does the same.

    Raises:
        ParamError: A user triggered the run with ``accepted_by``, and could name someone else.
    """
    given = params.get("accepted_by")
    if given is not None and dag_run.run_type != OPERATOR_TRIGGERED:
        raise ParamError(
            "accepted_by is for the runs that crypto_prices_audit starts: trigger the DAG again without it. The load "
            "records the user who triggers the run"
        )
    user: str | None = given or dag_run.triggering_user_name
    return user


def check_accepted(accepted: Sequence[str], reason: str | None, user: str | None, sources: Iterable[str]) -> None:
    """Refuse an acceptance that does not say who accepts what and why. The load records all three.

    Args:
        accepted: The param ``accepted_sources``.
        reason: The param ``accepted_because``.
        user: Airflow's name of the user who accepts it.
        sources: The sources of the run.

    Raises:
        ParamError: A source is not one of the run's, or the reason or the user is missing or too long, or there is a
            reason without a source.
    """
    if not accepted:
        if (reason or "").strip():
            raise ParamError(
                "accepted_because has a reason, but accepted_sources names no source: trigger the DAG again with both"
            )
        return
    known = sorted(sources)
    if unknown := sorted(set(accepted) - set(known)):
        raise ParamError(
            f"accepted_sources has {', '.join(unknown)}, but the run loads {', '.join(known)}: trigger the DAG again "
            "with sources of the run"
        )
    if not (reason or "").strip():
        raise ParamError(
            "accepted_sources needs a reason, which the load records: trigger the DAG again with accepted_because"
        )
    if len((reason or "").encode()) > LONGEST_REASON:
        raise ParamError(f"accepted_because has more than {LONGEST_REASON} bytes: trigger the DAG again with less text")
    if not user or len(user.encode()) > LONGEST_NAME:
        raise ParamError(
            f"accepted_sources needs the name of a user, which the load records, but the run has {user!r}: trigger the "
            "DAG in the UI or through the REST API"
        )
