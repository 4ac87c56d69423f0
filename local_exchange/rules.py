"""Rules of the exchange APIs that tests can change.

Change them in code or over HTTP (``PUT /exchange/_rules``)::

    {"coinbase_rows_before_start": true, "coingecko_api_key": null, "coingecko_past_365_days_only": false}
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any


class RuleError(ValueError):
    """The rule is unknown or its value is invalid; the message contains the allowed ones."""


@dataclass(frozen=True)
class Rules:
    """The rules that can be changed.

    Attributes:
        coinbase_rows_before_start: Whether Coinbase returns, for some starts, the candle before the start as well.
        coingecko_api_key: The demo API key that CoinGecko requires; None accepts requests with any key or none.
        coingecko_past_365_days_only: Whether CoinGecko rejects older days, as it does without a paid plan. Off by
            default, because the recorded candles are from 2023.
    """

    coinbase_rows_before_start: bool = True
    coingecko_api_key: str | None = None
    coingecko_past_365_days_only: bool = False

    def __post_init__(self) -> None:
        for name in ("coinbase_rows_before_start", "coingecko_past_365_days_only"):
            if not isinstance(getattr(self, name), bool):
                raise RuleError(f"{name} must be true or false")
        if self.coingecko_api_key is not None and not (
            isinstance(self.coingecko_api_key, str) and self.coingecko_api_key
        ):
            raise RuleError("coingecko_api_key must be a non-empty string, or null to accept every request")


class RuleSwitch:
    """The current rules. Thread-safe.

    Args:
        initial: The rules at the start and after ``clear``.
    """

    def __init__(self, initial: Rules | None = None) -> None:
        self._initial = self.current = initial or Rules()

    def replace_json(self, document: Any) -> None:
        """Replace the rules with those in a JSON object. Rules that it does not contain get their default values.

        Raises:
            RuleError: The document is invalid; nothing has changed.
        """
        names = [rule.name for rule in fields(Rules)]
        if not isinstance(document, dict) or set(document) - set(names):
            raise RuleError(f"expected an object whose members are among {', '.join(names)}")
        self.current = Rules(**document)

    def clear(self) -> None:
        """Restore the initial rules."""
        self.current = self._initial

    def as_json(self) -> dict[str, Any]:
        """Return the rules as JSON."""
        return asdict(self.current)
