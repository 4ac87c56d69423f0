"""The arguments of the Glue job, as the DAG passes them and the job's script reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields


@dataclass(frozen=True, kw_only=True)
class JobArguments:
    """The job's own arguments, all of them strings. Glue adds JOB_NAME and JOB_RUN_ID.

    Attributes:
        raw_manifests: The s3:// URIs of the raw manifests, separated by commas.
        window_start: First day (ISO), included.
        window_end: Day after the last (ISO), excluded.
        batch_id: The attempt at the batch. Each row has it.
        catalog_database: The Glue database of the curated table.
        catalog_table: The curated table.
        lake_bucket: The bucket with all zones of the lake.
        max_rejected_share: Largest tolerated share of quarantined records, from 0 to 1.
        row_rules: The row rules whose action is not the default, as text (see ``row_rules.actions_as_text``).
        accepted_sources: The sources whose rejected records a user accepts, as text (see ``sources_as_text``).
    """

    raw_manifests: str
    window_start: str
    window_end: str
    batch_id: str
    catalog_database: str
    catalog_table: str
    lake_bucket: str
    max_rejected_share: str
    row_rules: str
    accepted_sources: str

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names of the arguments, without dashes."""
        return tuple(field.name for field in fields(cls))

    @classmethod
    def from_options(cls, options: Mapping[str, str]) -> JobArguments:
        """Return the arguments in the options from ``getResolvedOptions``.

        Raises:
            KeyError: An argument is missing.
        """
        return cls(**{name: options[name] for name in cls.names()})

    def as_job_arguments(self) -> dict[str, str]:
        """Return the arguments in the form that StartJobRun expects, such as ``{"--batch_id": "…"}``."""
        return {option(name): value for name, value in asdict(self).items()}


def option(name: str) -> str:
    """Return an argument's name in StartJobRun and GetJobRuns, such as ``--window_start``."""
    return f"--{name}"


_NO_SOURCES = "none"


def sources_as_text(sources: Iterable[str]) -> str:
    """Return the value of the argument ``accepted_sources``, such as ``binance,coinbase``."""
    return ",".join(sorted(sources)) or _NO_SOURCES


def sources_from_text(text: str) -> frozenset[str]:
    """Return the sources in a text by ``sources_as_text``."""
    return frozenset(name for name in text.split(",") if name != _NO_SOURCES)
