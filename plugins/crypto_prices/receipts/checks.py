"""The checks that receipts are made of."""

from __future__ import annotations

from crypto_prices.receipts.evidence import Recorded
from crypto_prices.receipts.receipt import Check, Outcome

_SHOWN_DIGEST = 12


def ok(says: str) -> Check:
    """Return a check that holds."""
    return Check(Outcome.OK, says)


def broken(says: str) -> Check:
    """Return a check that does not hold."""
    return Check(Outcome.BROKEN, says)


def not_shown(says: str) -> Check:
    """Return a check that cannot be made."""
    return Check(Outcome.NOT_SHOWN, says)


def check(holds: bool, says: str, problem: str) -> Check:
    """Return a check that holds or not.

    Args:
        holds: Whether it holds.
        says: What was compared.
        problem: What was found instead.
    """
    return ok(says) if holds else broken(problem)


def short(digest: str) -> str:
    """Return the beginning of a digest."""
    return f"{digest[:_SHOWN_DIGEST]}…" if len(digest) > _SHOWN_DIGEST else digest


def identity(stored: Recorded, what: str, more: str = "") -> Check:
    """Return whether an object is the one that the load record names."""
    present, recorded = stored.present, stored.recorded
    if present is None:
        saved = ", but the recorded version still exists" if stored.version is not None else ""
        return broken(f"{what} {stored.uri} is missing{saved}")
    if recorded is None or recorded.etag is None:
        return not_shown(f"no load record names a version of {what}")
    if recorded.version_id is not None and present.version_id != recorded.version_id:
        return broken(
            f"{what} {stored.uri} was replaced: version {present.version_id} instead of {recorded.version_id}"
        )
    if present.etag != recorded.etag:
        return broken(f"{what} {stored.uri} has the ETag {present.etag} instead of {recorded.etag}")
    size = getattr(recorded, "bytes", None)
    if size is not None and size != present.size:
        return broken(f"{what} {stored.uri} has {present.size:,} bytes instead of {size:,}")
    kind = "ETag" if recorded.version_id is None else "version id and ETag"
    return ok(f"{what}: {kind}{more} as recorded")
