"""The check of the params with which a user accepts the rejected records of sources."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from crypto_prices.plan.check_params import ParamError

LONGEST_NAME = 256
"""Maximum size of a user's name, in bytes: the length of the column ``accepted_by``."""

LONGEST_REASON = 2000
"""Maximum size of a reason, in bytes: the length of the column ``accepted_because``."""


def check_accepted(accepted: Sequence[str], reason: str | None, user: str | None, sources: Iterable[str]) -> None:
    """Refuse an acceptance that does not say who accepts what and why. The load records all three.

    Args:
        accepted: The param ``accepted_sources``.
        reason: The param ``accepted_because``.
        user: Airflow's name of the user who triggered the run.
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
