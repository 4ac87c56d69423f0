"""The question that a receipt answers. It comes from a user, so it is data: every part is checked before it is used."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from crypto_prices.fetch.sources import known_sources
from crypto_prices.receipts.rules_again import interval_ms

MARTS = ("daily",)
"""The marts whose numbers can be explained."""

_OTHER_MARTS = {
    "statistics": "the daily rows of its days (MART=daily)",
    **dict.fromkeys(
        ("consensus", "venues", "rates"),
        "the candles that close at the hour (AT=<open time>), which crypto_views.venues lists",
    ),
}
"""The other marts, by the names of their views, and the inputs that have receipts."""

_MARKET = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]{0,31})/([A-Za-z0-9][A-Za-z0-9._-]{0,15})")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:Z|\+00:00)?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_SHOWN = 40


class QuestionError(ValueError):
    """The question cannot be asked. The message has the variable or param, and what to write."""


@dataclass(frozen=True)
class Question:
    """One number: a candle, or a row of a mart.

    Attributes:
        source: Name of the source.
        symbol: Canonical base currency.
        quote_currency: Currency of the prices.
        candle_interval: Length of the candle.
        at: Open time of the candle, UTC, or the day of the mart's row.
        mart: The mart; None for a candle.
        as_of: The time whose answer is explained, UTC; None for the present.
    """

    source: str
    symbol: str
    quote_currency: str
    candle_interval: str
    at: datetime
    mart: str | None = None
    as_of: datetime | None = None

    @property
    def market(self) -> str:
        """The market's canonical name."""
        return f"{self.symbol}/{self.quote_currency}"

    @property
    def day(self) -> date:
        """The UTC day of the candle."""
        return self.at.date()

    @property
    def observed_at(self) -> str:
        """The open time as the warehouse writes it."""
        return f"{self.at:%Y-%m-%d %H:%M:%S}"

    @property
    def known_at(self) -> str:
        """``as_of`` as the warehouse writes it."""
        return f"{self.as_of:%Y-%m-%d %H:%M:%S}" if self.as_of else ""

    @property
    def closes_at(self) -> datetime:
        """When the candle closes."""
        return self.at + timedelta(milliseconds=interval_ms(self.candle_interval))

    @property
    def name(self) -> str:
        """The question as a part of an object key. Two questions never have the same one."""
        market = f"source={self.source}/symbol={self.symbol}/quote={self.quote_currency}"
        if self.mart:
            return f"mart={self.mart}/{market}/day={self.at:%Y%m%d}"
        as_of = f"/as_of={self.as_of:%Y%m%dT%H%M%SZ}" if self.as_of else ""
        return f"{market}/interval={self.candle_interval}/at={self.at:%Y%m%dT%H%M%SZ}{as_of}"

    def to_json(self) -> dict[str, Any]:
        """Return the question as a JSON document."""
        times = {name: None if time is None else zulu(time) for name, time in (("at", self.at), ("as_of", self.as_of))}
        return asdict(self) | times


def ask(
    *,
    market: str,
    source: str,
    at: str = "",
    candle_interval: str,
    mart: str = "",
    day: str = "",
    as_of: str = "",
) -> Question:
    """Return the question in a user's texts. An empty text was not given.

    Args:
        market: Such as ``BTC/USDT``.
        source: Name of a source.
        at: Open time of a candle, such as ``2024-01-05T13:00``, UTC.
        candle_interval: Length of the candle, such as ``1h``.
        mart: One of ``MARTS``, to explain its row instead of a candle.
        day: Day of the mart's row.
        as_of: A time such as ``2024-02-01T00:00``, to explain what the warehouse held then.

    Raises:
        QuestionError: A text is missing or invalid.
    """
    named = _MARKET.fullmatch(market)
    if named is None:
        raise QuestionError(f"MARKET {_quoted(market)} is not a market: write base and quote, such as BTC/USDT")
    if source not in known_sources():
        raise QuestionError(f"SOURCE {_quoted(source)} is unknown: use one of {', '.join(known_sources())}")
    if mart:
        return _ask_mart(mart, day, at, as_of, source, named, candle_interval)
    if day:
        raise QuestionError(f"DAY is for a mart: add MART={MARTS[0]}, or write the candle's open time in AT")
    try:
        length = interval_ms(candle_interval)
    except ValueError as error:
        raise QuestionError(f"INTERVAL {error}") from None
    opens_at = _time("AT", at)
    if int(opens_at.timestamp() * 1000) % length:
        raise QuestionError(
            f"AT {at} is not the open time of a candle of {candle_interval}: candles open on its multiples"
        )
    return Question(
        *(source, named[1], named[2], candle_interval, opens_at), as_of=_time("AS_OF", as_of) if as_of else None
    )


def zulu(time: datetime) -> str:
    """Return a UTC time as text, such as ``2024-01-05T13:00:00Z``."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _ask_mart(
    mart: str, day: str, at: str, as_of: str, source: str, named: re.Match[str], candle_interval: str
) -> Question:
    if mart in _OTHER_MARTS:
        raise QuestionError(f"MART {mart} has no receipts, but its inputs have: ask for {_OTHER_MARTS[mart]}")
    if mart not in MARTS:
        raise QuestionError(f"MART {_quoted(mart)} cannot be explained: use one of {', '.join(MARTS)}")
    if at or as_of:
        raise QuestionError("AT and AS_OF are for a candle: write the day of the mart's row in DAY")
    if not _DAY.fullmatch(day):
        raise QuestionError(f"DAY {_quoted(day)} is not a day: write it as YYYY-MM-DD, for example 2024-01-05")
    return Question(source, named[1], named[2], candle_interval, _instant("DAY", day, day), mart)


def _time(name: str, text: str) -> datetime:
    found = _TIME.fullmatch(text)
    if found is None:
        raise QuestionError(f"{name} {_quoted(text)} is not a time in UTC: write it as in 2024-01-05T13:00")
    return _instant(name, text, f"{found[1]}T{found[2]}")


def _instant(name: str, text: str, iso: str) -> datetime:
    try:
        return datetime.fromisoformat(iso).replace(tzinfo=UTC)
    except ValueError:
        raise QuestionError(f"{name} {_quoted(text)} does not exist: write a time such as 2024-01-05T13:00") from None


def _quoted(text: str) -> str:
    return repr(text[:_SHOWN] + "…" if len(text) > _SHOWN else text)
