"""What the exchange APIs demand of their clients, as far as it can be changed.

Changed in code or over HTTP (``PUT /exchange/_rules``)::

{"coinbase_rows_before_start": true, "coingecko_api_key": null, "coingecko_past_365_days_only": false}
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any


class RuleError(ValueError):
    """There is no such rule, or not with such a value; the message says what is possible."""


@dataclass(frozen=True)
class Rules:
    """The rules that can be changed.

    Attributes:
        coinbase_rows_before_start: Coinbase gives, for some starts, the candle before the start as well.
        coingecko_api_key: The demo API key that CoinGecko asks for; None lets in everybody, with any key or none.
        coingecko_past_365_days_only: CoinGecko refuses older days, as it does without a paid plan. Off by default,
            because the recorded candles are of 2023.
    """

    coinbase_rows_before_start: bool = True
    coingecko_api_key: str | None = None
    coingecko_past_365_days_only: bool = False

    def __post_init__(self) -> None:
        for name in ("coinbase_rows_before_start", "coingecko_past_365_days_only"):
            if not isinstance(getattr(self, name), bool):
                raise RuleError(f"{name} is true or false")
        if self.coingecko_api_key is not None and not (
            isinstance(self.coingecko_api_key, str) and self.coingecko_api_key
        ):
            raise RuleError("coingecko_api_key is a text, or null to let in everybody")


class RuleSwitch:
    """The rules that hold now. Safe to use from several threads.

    Args:
        initial: The rules that hold at first, and again after ``clear``.
    """

    def __init__(self, initial: Rules | None = None) -> None:
        self._initial = self.current = initial or Rules()

    def replace_json(self, document: Any) -> None:
        """Take the rules of a JSON object; those that it does not name hold as by default.

        Raises:
            RuleError: The document is wrong; nothing has changed.
        """
        names = [rule.name for rule in fields(Rules)]
        if not isinstance(document, dict) or set(document) - set(names):
            raise RuleError(f"give an object; its members can be {', '.join(names)}")
        self.current = Rules(**document)

    def clear(self) -> None:
        """Take the first rules again."""
        self.current = self._initial

    def as_json(self) -> dict[str, Any]:
        """Return the rules as JSON."""
        return asdict(self.current)
