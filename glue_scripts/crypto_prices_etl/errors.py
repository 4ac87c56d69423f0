"""The errors that a curation raises deliberately."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crypto_prices_contract.curation_report import RefusedSource


class CurationError(Exception):
    """The job must not publish. The message has the problem, its location, and what to do."""


class RefusedSourcesError(CurationError):
    """All sources are refused, and another curation of the same raw records would refuse them again.

    The message begins with a code from ``crypto_prices_contract.error_codes``, so that Airflow does not retry.

    Args:
        refused: The sources with the reasons, at least one.
    """

    def __init__(self, refused: Sequence[RefusedSource]) -> None:
        super().__init__("; ".join(f"{source.code} {source.problem}" for source in refused))
        self.refused = tuple(refused)
