"""The bundle's settings: one Airflow Variable (JSON), checked as a whole each time a task reads it.

Settings are read when a task runs and never when a DAG file is parsed: parsing happens every few seconds, in every
component, and must not call Secrets Manager.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from crypto_prices.once_per_try import once_per_try
from crypto_prices.quality_rules import QualityRules, quality_rules

VARIABLE = "crypto_prices_settings"
"""Key of the Airflow Variable; on MWAA a secret, below the ``variables_prefix`` of the secrets backend."""


class SettingsError(ValueError):
    """The Variable is missing or wrong; the message names each key that is."""


def _text(pattern: str, max_length: int = 2048) -> Any:
    return StringConstraints(pattern=pattern, max_length=max_length)


Name = Annotated[str, _text(r"^[A-Za-z0-9_.\-]+$", 255)]
BucketName = Annotated[str, _text(r"^[a-z0-9][a-z0-9.\-]{1,61}[a-z0-9]$", 63)]
SqlName = Annotated[str, _text(r"^[a-z_][a-z0-9_]*$", 127)]
SecretArn = Annotated[
    str, _text(r"^arn:aws[a-z\-]*:secretsmanager:[a-z0-9\-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@!\-]+$")
]
RoleArn = Annotated[str, _text(r"^arn:aws[a-z\-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/\-]+$")]
ExchangeSymbol = Annotated[str, _text(r"^[A-Za-z0-9][A-Za-z0-9\-]{1,63}$")]
SourceName = Annotated[str, _text(r"^[a-z][a-z0-9_]*$", 32)]
ApiUrl = Annotated[str, _text(r"^https?://[^\s?#]+$")]
CandleInterval = Annotated[str, _text(r"^[1-9][0-9]?[smhd]$")]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class SourceSettings(_Section):
    """What to take from one exchange.

    Attributes:
        symbols: The exchange's own names of the markets, such as ``BTCUSDT``; at least one, each once.
        api_url: Base URL of the API, when it is not the source's own.
        connection_id: Airflow connection whose password is the API key; on MWAA a secret, below the
            ``connections_prefix`` of the secrets backend.
        requests_per_second: Pace of the requests, when it is not the source's own: more with a key, less where several
            runs fetch at once.
    """

    symbols: Annotated[list[ExchangeSymbol], Field(min_length=1)]
    api_url: ApiUrl | None = None
    connection_id: Name | None = None
    requests_per_second: Annotated[float, Field(gt=0, le=1000)] | None = None

    def model_post_init(self, context: Any, /) -> None:
        """Refuse a symbol that is listed twice: it would be fetched twice."""
        twice = sorted({symbol for symbol in self.symbols if self.symbols.count(symbol) > 1})
        if twice:
            raise ValueError(f"symbols listed more than once: {', '.join(twice)}")


class QualityRuleSettings(_Section):
    """What a data quality rule is to do.

    Attributes:
        action: ``quarantine``, ``warn`` or ``fail``; the rule's own when it is left out.
        threshold: The figure that the rule compares with, where it has one; the rule's own when it is left out.
    """

    action: Literal["fail", "quarantine", "warn"] | None = None
    threshold: Annotated[float, Field(ge=0)] | None = None


class Settings(_Section):
    """All settings of the bundle.

    Attributes:
        s3_bucket: Bucket of the lake (raw, curated and quarantine zones).
        glue_job_name: Glue job that curates a window.
        catalog_database: Glue database of the curated table.
        catalog_table: Curated table in that database.
        redshift_workgroup: Redshift Serverless workgroup.
        redshift_database: Database in it.
        redshift_secret_arn: Secrets Manager secret with the database user the Data API signs in as.
        redshift_copy_role_arn: IAM role that COPY reads the curated zone with.
        sources: What to take from which exchange; at least one.
        candle_interval: Length of a candle, such as ``1h``.
        max_rejected_share: Largest share (0 to 1) of a window's records that may be quarantined; with more the Glue
            job fails before anything is published.
        quality_rules: What data quality rules are to do, by name; those that are not here do what they do by default.
    """

    s3_bucket: BucketName
    glue_job_name: Name
    catalog_database: SqlName
    catalog_table: SqlName
    redshift_workgroup: Name
    redshift_database: SqlName
    redshift_secret_arn: SecretArn
    redshift_copy_role_arn: RoleArn
    sources: Annotated[dict[SourceName, SourceSettings], Field(min_length=1)]
    candle_interval: CandleInterval = "1h"
    max_rejected_share: Annotated[float, Field(ge=0, le=1)] = 0.01
    quality_rules: dict[str, QualityRuleSettings] = {}

    def model_post_init(self, context: Any, /) -> None:
        """Refuse rules that do not exist or cannot do what they are to."""
        _ = self.rules

    @property
    def rules(self) -> QualityRules:
        """What every data quality rule is to do."""
        return quality_rules({name: rule.model_dump() for name, rule in self.quality_rules.items()})


def parse_settings(text: str) -> Settings:
    """Return the settings of a JSON text.

    Raises:
        SettingsError: Not JSON, or keys are missing, unknown or wrong; every one of them is named.
    """
    try:
        return Settings.model_validate_json(text)
    except ValidationError as error:
        problems = [
            ".".join(str(part) for part in problem["loc"]) + ": " + _in_words(problem["type"], problem["msg"])
            if problem["loc"]
            else problem["msg"]
            for problem in error.errors(include_url=False, include_input=False)
        ]
        raise SettingsError(
            f"the Airflow Variable {VARIABLE} is not right: "
            + "; ".join(problems)
            + ". docs/reference/settings.md lists the keys."
        ) from None


def select_symbols(settings: Settings, sources: Sequence[str], symbols: Sequence[str]) -> dict[str, list[str]]:
    """Return the exchange symbols to take from each source.

    Args:
        settings: The bundle's settings.
        sources: Names of the sources to take; none means all.
        symbols: Exchange symbols to take, wherever they are listed; none means all.

    Raises:
        SettingsError: A source or symbol is not in the settings, or none of the sources has one of the symbols.
    """
    unknown = sorted(set(sources) - set(settings.sources))
    if unknown:
        raise SettingsError(
            f"not among the sources of the settings ({', '.join(sorted(settings.sources))}): {', '.join(unknown)}"
        )
    taken = {name: source.symbols for name, source in settings.sources.items() if name in sources or not sources}
    unlisted = sorted(set(symbols) - {symbol for listed in taken.values() for symbol in listed})
    if unlisted:
        raise SettingsError(
            f"not among the symbols that the settings list for {', '.join(sorted(taken))}: {', '.join(unlisted)}. "
            f"Add them to {VARIABLE} first: what is loaded once must be loaded every day"
        )
    chosen = {name: [symbol for symbol in listed if symbol in symbols or not symbols] for name, listed in taken.items()}
    return {name: listed for name, listed in chosen.items() if listed}


def _in_words(kind: str, message: str) -> str:
    words = {"missing": "this key is missing", "extra_forbidden": "there is no such key"}
    return words.get(kind, re.sub(r"^Value error, ", "", message))


def load_settings() -> Settings:
    """Return the settings from the Airflow Variable. Call it in a running task only.

    Each call reads the Variable, on MWAA from Secrets Manager; see ``settings_of_try``.

    Raises:
        SettingsError: The Variable is missing or wrong.
    """
    # Imported here: the Variable can only be read by a running task, and the module is imported by DAG files too.
    from airflow.providers.common.compat.sdk import Variable

    text = Variable.get(VARIABLE, default=None)
    if text is None:
        raise SettingsError(
            f"the Airflow Variable {VARIABLE} is missing, or its secrets backend could not be asked (the log says so "
            f"above): create it, on MWAA as the Secrets Manager secret {VARIABLE} below the variables_prefix of the "
            "environment's secrets backend. docs/reference/settings.md lists the keys."
        )
    return parse_settings(text)


@once_per_try
def settings_of_try(ti: Any) -> Settings:
    """Return the settings, read once per try of a task.

    Raises:
        SettingsError: The Variable is missing or wrong.
    """
    return load_settings()
