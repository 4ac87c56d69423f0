"""The bundle's settings: one Airflow Variable (JSON), validated as a whole whenever a task reads it.

Settings are read when a task runs, never when a DAG file is parsed. Every component parses DAG files every few seconds,
so parsing must not call Secrets Manager.
"""

from __future__ import annotations

import contextlib
import difflib
import json
import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from crypto_prices.once_per_try import once_per_try
from crypto_prices.quality_rules import QualityRules, quality_rules

VARIABLE = "crypto_prices_settings"
"""Key of the Airflow Variable. On MWAA it is a secret under the ``variables_prefix`` of the secrets backend."""

DEFAULT_RUNBOOK_URL = "docs/how-to/troubleshoot.md"
"""The runbook's path in the repository, for an environment whose settings have no URL of it."""


class SettingsError(ValueError):
    """The Variable is missing or invalid. The message names each invalid key."""


def _text(pattern: str, max_length: int = 2048) -> Any:
    return StringConstraints(pattern=pattern, max_length=max_length)


Name = Annotated[str, _text(r"^[A-Za-z0-9_.\-]+$", 255)]
BucketName = Annotated[str, _text(r"^[a-z0-9][a-z0-9.\-]{1,61}[a-z0-9]$", 63)]
SqlName = Annotated[str, _text(r"^[a-z_][a-z0-9_]*$", 127)]
SecretArn = Annotated[
    str, _text(r"^arn:aws[a-z\-]*:secretsmanager:[a-z0-9\-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@!\-]+$")
]
RoleArn = Annotated[str, _text(r"^arn:aws[a-z\-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/\-]+$")]
ExchangeSymbol = Annotated[str, _text(r"^[A-Za-z0-9][A-Za-z0-9_:\-]{1,63}$")]
PairText = Annotated[str, _text(r"^[A-Za-z0-9]{1,32}/[A-Za-z0-9]{1,16}$")]
SourceName = Annotated[str, _text(r"^[a-z][a-z0-9_]*$", 32)]
ApiUrl = Annotated[str, _text(r"^https?://[^\s?#]+$")]
PageUrl = Annotated[str, _text(r"^[^\s\"<>#\\]+$", 300)]
CandleInterval = Annotated[str, _text(r"^[1-9][0-9]?[smhd]$")]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class SourceSettings(_Section):
    """The settings of one source.

    Attributes:
        symbols: The exchange's names for the markets, such as ``BTCUSDT``. At least one, without duplicates.
        api_url: Base URL of the API; None for the source's default.
        connection_id: Airflow connection whose password is the API key. On MWAA it is a secret under the
            ``connections_prefix`` of the secrets backend.
        requests_per_second: Pace of the requests; None for the source's default. Set a higher pace with an API key, a
            lower one if several runs fetch concurrently.
        markets: Base and quote of symbols that the exchange no longer lists, under the exchange's names, such as
            ``BCC/USDT`` for ``BCCUSDT``.
    """

    symbols: Annotated[list[ExchangeSymbol], Field(min_length=1)]
    markets: dict[ExchangeSymbol, PairText] = {}
    api_url: ApiUrl | None = None
    connection_id: Name | None = None
    requests_per_second: Annotated[float, Field(gt=0, le=1000)] | None = None

    def model_post_init(self, context: Any, /) -> None:
        """Reject a symbol that is listed twice, because it would be fetched twice, and markets of unlisted symbols."""
        twice = sorted({symbol for symbol in self.symbols if self.symbols.count(symbol) > 1})
        if twice:
            raise ValueError(f"symbols listed more than once: {', '.join(twice)}")
        others = sorted(set(self.markets) - set(self.symbols))
        if others:
            raise ValueError(f"markets has {', '.join(others)}, which symbols does not list")


class QualityRuleSettings(_Section):
    """The settings of a data quality rule.

    Attributes:
        action: ``quarantine``, ``warn`` or ``fail``; None for the rule's default.
        threshold: The limit of a rule that has one; None for the rule's default.
    """

    action: Literal["fail", "quarantine", "warn"] | None = None
    threshold: Annotated[float, Field(ge=0)] | None = None


class PriceSettings(_Section):
    """Prices that plans are estimated with, by default the list prices of us-east-1.

    Attributes:
        glue_dpu_hour: USD per DPU-hour of Glue for Spark: https://aws.amazon.com/glue/pricing/
        redshift_rpu_hour: USD per RPU-hour of Redshift Serverless: https://aws.amazon.com/redshift/pricing/
        redshift_rpus: RPUs of the warehouse while it works, its base capacity.
        warehouse_minutes: Minutes of the warehouse per window. Its statements take seconds, but each start bills at
            least one minute: https://docs.aws.amazon.com/redshift/latest/mgmt/serverless-billing.html
    """

    glue_dpu_hour: Annotated[float, Field(ge=0)] = 0.44
    redshift_rpu_hour: Annotated[float, Field(ge=0)] = 0.375
    redshift_rpus: Annotated[float, Field(gt=0)] = 8
    warehouse_minutes: Annotated[float, Field(gt=0)] = 5


MOST_SAMPLED = 200
"""Largest ``restatement_sample``. At CoinGecko's pace without a key, 200 requests take 40 minutes."""


class Settings(_Section):
    """All settings of the bundle.

    Attributes:
        s3_bucket: Bucket of the lake (raw, curated and quarantine zones).
        glue_job_name: Glue job that curates a window.
        catalog_database: Glue database of the curated table.
        catalog_table: Curated table in that database.
        redshift_workgroup: Redshift Serverless workgroup.
        redshift_database: Database in that workgroup.
        redshift_secret_arn: Secrets Manager secret of the database user for the Data API.
        redshift_copy_role_arn: IAM role that COPY uses to read the curated zone.
        sources: Settings by source, at least one.
        candle_interval: Length of a candle, such as ``1h``.
        max_rejected_share: Largest share (0 to 1) of a source's records that may be quarantined. If it is exceeded, the
            Glue job fails before anything is published.
        restatement_sample: Number of loaded days of markets that each audit fetches again and compares; 0 for none.
        quality_rules: Settings of data quality rules by name. Rules without settings have their defaults.
        prices: Prices for the estimates in plans.
        audit_limit_days: Largest plan that an audit starts by itself, in days of all markets.
        runbook_url: URL of docs/how-to/troubleshoot.md, for the links at the end of a failed task's log.
        freshness_hours: Target of the page *Crypto prices*: the greatest age of a source's newest candle.
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
    restatement_sample: Annotated[int, Field(ge=0, le=MOST_SAMPLED)] = 20
    quality_rules: dict[str, QualityRuleSettings] = {}
    prices: PriceSettings = PriceSettings()
    audit_limit_days: Annotated[int, Field(ge=0)] = 7
    runbook_url: PageUrl = DEFAULT_RUNBOOK_URL
    freshness_hours: Annotated[int, Field(ge=25, le=168)] = 30

    def model_post_init(self, context: Any, /) -> None:
        """Reject rules that do not exist, or whose settings are not allowed."""
        _ = self.rules

    @property
    def rules(self) -> QualityRules:
        """The configuration of all data quality rules."""
        return quality_rules({name: rule.model_dump() for name, rule in self.quality_rules.items()})


def parse_settings(text: str) -> Settings:
    """Return the settings in a JSON text.

    Raises:
        SettingsError: The text is not JSON, has a key twice, or keys are missing, unknown or invalid. The message names
            all of them.
    """
    _refuse_ambiguous_text(text)
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
            f"the Airflow Variable {VARIABLE} is invalid: "
            + "; ".join(problems)
            + ". docs/reference/settings.md describes the keys."
        ) from None


def _refuse_ambiguous_text(text: str) -> None:
    """Reject what parsers read differently: a byte order mark, and a key that an object has twice.

    https://www.rfc-editor.org/rfc/rfc8259#section-8.1 and …#section-4. Other errors are left to the model.
    """

    def unambiguous(members: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in members]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise SettingsError(
                f"the Airflow Variable {VARIABLE} is invalid: it has the same key twice in one object: "
                f"{', '.join(twice)}. Remove one of them"
            )
        return dict(members)

    if text.startswith("\ufeff"):
        raise SettingsError(
            f"the Airflow Variable {VARIABLE} is invalid: it starts with a byte order mark. Save the file as UTF-8 "
            "without a byte order mark, and set the Variable again"
        )
    with contextlib.suppress(json.JSONDecodeError, RecursionError):
        json.loads(text, object_pairs_hook=unambiguous)


def select_symbols(settings: Settings, sources: Sequence[str], symbols: Sequence[str]) -> dict[str, list[str]]:
    """Return the exchange symbols to load from each source.

    Args:
        settings: The bundle's settings.
        sources: Names of the sources to load; empty for all.
        symbols: Exchange symbols to load, from any source that lists them; empty for all.

    Raises:
        SettingsError: A source or symbol is not in the settings, or none of the sources lists one of the symbols.
    """
    unknown = sorted(set(sources) - set(settings.sources))
    if unknown:
        raise SettingsError(
            f"the settings have no source {', '.join(unknown)}: use {', '.join(sorted(settings.sources))}"
        )
    taken = {name: source.symbols for name, source in settings.sources.items() if name in sources or not sources}
    unlisted = sorted(set(symbols) - {symbol for listed in taken.values() for symbol in listed})
    if unlisted:
        listed_symbols = sorted({symbol for listed in taken.values() for symbol in listed})
        similar = [name for symbol in unlisted for name in difflib.get_close_matches(symbol, listed_symbols, n=1)]
        raise SettingsError(
            f"the settings have no symbol {', '.join(unlisted)} for {', '.join(sorted(taken))}: "
            + (f"use {', '.join(similar)} if you meant that. To load another market, " if similar else "")
            + f"add it to {VARIABLE} first, because every loaded market must be loaded every day"
        )
    chosen = {name: [symbol for symbol in listed if symbol in symbols or not symbols] for name, listed in taken.items()}
    return {name: listed for name, listed in chosen.items() if listed}


def _in_words(kind: str, message: str) -> str:
    words = {"missing": "this key is missing", "extra_forbidden": "this key does not exist"}
    return words.get(kind, re.sub(r"^Value error, ", "", message))


def load_settings() -> Settings:
    """Return the settings from the Airflow Variable. Call it in a running task only.

    Each call reads the Variable, on MWAA from Secrets Manager. ``settings_of_try`` caches it.

    Raises:
        SettingsError: The Variable is missing or wrong.
    """
    # Imported here, because DAG files import this module, too, but only a running task can read the Variable.
    from airflow.providers.common.compat.sdk import Variable

    text = Variable.get(VARIABLE, default=None)
    if text is None:
        raise SettingsError(
            f"the Airflow Variable {VARIABLE} is missing, or its secrets backend is unreachable (see the log above): "
            f"create it, on MWAA as the Secrets Manager secret {VARIABLE} under the variables_prefix of the "
            "environment's secrets backend. docs/reference/settings.md describes the keys."
        )
    return parse_settings(text)


@once_per_try
def settings_of_try(ti: Any) -> Settings:
    """Return the settings, read once per try of a task.

    Raises:
        SettingsError: The Variable is missing or wrong.
    """
    return load_settings()
