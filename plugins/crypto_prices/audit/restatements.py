"""The comparison of a day that was fetched again with the candles that are loaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Context, Decimal

from crypto_prices_contract.window import Window

from crypto_prices.audit.days_to_heal import MarketDay
from crypto_prices.fetch.sources.sent_candles import SentCandle

SAME, DIFFERS, REFUSED = "same", "differs", "refused"
"""The exchange sends the loaded candles, or others, or refuses the request, for example because the day is too old."""

_LONGEST_DETAIL = 200
_DIGITS = Context(prec=80)
_MOST_WHOLE_DIGITS = 38


@dataclass(frozen=True)
class Comparison:
    """The result of a comparison.

    Attributes:
        compared: Number of candles that the exchange sent or that are loaded.
        changed: Number of candles with another value.
        added: Number of candles that are not loaded.
        vanished: Number of loaded candles that the exchange no longer sends.
        example: The first difference; None if there is none.
    """

    compared: int = 0
    changed: int = 0
    added: int = 0
    vanished: int = 0
    example: str | None = None

    @property
    def differs(self) -> bool:
        """Whether there is a difference."""
        return self.changed + self.added + self.vanished > 0


@dataclass(frozen=True)
class Check:
    """One day of a market that the audit fetched again.

    Attributes:
        place: The day of the market.
        comparison: The result.
        problem: The exchange's refusal; None if it responded.
    """

    place: MarketDay
    comparison: Comparison
    problem: str | None = None

    @property
    def status(self) -> str:
        """``same``, ``differs`` or ``refused``."""
        if self.problem is not None:
            return REFUSED
        return DIFFERS if self.comparison.differs else SAME

    @property
    def detail(self) -> str | None:
        """The refusal, or the first difference; None if there is neither."""
        detail = self.problem or self.comparison.example
        return None if detail is None else detail[:_LONGEST_DETAIL]


def compare(
    window: Window,
    *,
    interval_ms: int,
    sent: Iterable[SentCandle],
    loaded: Mapping[int, Mapping[str, Decimal | None]],
    unloaded: Sequence[tuple[int, int]] = (),
) -> Comparison:
    """Compare the candles that an exchange sends with the loaded ones.

    Args:
        window: The day. Candles outside it are ignored.
        interval_ms: Length of a candle in milliseconds. Candles that do not open on its grid, which begins at midnight,
            are ignored: the Glue job rejects them, whether or not the candles around them are loaded.
        sent: The candles in the responses. Of copies that contradict each other, none counts, as in the Glue job.
        loaded: The loaded candles by opening time in milliseconds, with all their columns.
        unloaded: Ranges of opening times [first, end) in milliseconds whose records were quarantined or whose candles
            a user removed. A candle there is not new.
    """
    by_time = {
        time: candle
        for time, candle in _without_conflicts(sent).items()
        if window.start_ms <= time < window.end_ms
        and (time - window.start_ms) % interval_ms == 0
        and (time in loaded or not any(first <= time < end for first, end in unloaded))
    }
    changed = added = vanished = 0
    examples: list[str] = []
    for time in sorted(by_time.keys() | loaded.keys()):
        if time not in loaded:
            added += 1
            examples.append(f"{_moment(time)} is new")
        elif time not in by_time:
            vanished += 1
            examples.append(f"{_moment(time)} is no longer sent")
        elif columns := _changed_columns(by_time[time], loaded[time]):
            changed += 1
            column = columns[0]
            examples.append(
                f"{_moment(time)} {column} was {_text(loaded[time][column])}, is {_text(by_time[time].get(column))}"
            )
    return Comparison(len(by_time.keys() | loaded.keys()), changed, added, vanished, examples[0] if examples else None)


def _without_conflicts(sent: Iterable[SentCandle]) -> dict[int, Mapping[str, Decimal | None]]:
    found: dict[int, Mapping[str, Decimal | None]] = {}
    conflicts: set[int] = set()
    for candle in sent:
        if found.setdefault(candle.opened_ms, candle.values) != candle.values:
            conflicts.add(candle.opened_ms)
    return {time: values for time, values in found.items() if time not in conflicts}


def _changed_columns(sent: Mapping[str, Decimal | None], loaded: Mapping[str, Decimal | None]) -> list[str]:
    return [column for column, value in loaded.items() if not _equal(sent.get(column), value)]


def _equal(sent: Decimal | None, loaded: Decimal | None) -> bool:
    """Compare a number with a loaded one, which may have been rounded half up to the decimals of its column."""
    if sent is None or loaded is None:
        return sent is loaded
    if sent.adjusted() >= _MOST_WHOLE_DIGITS:
        return False
    step = Decimal(1).scaleb(min(0, int(loaded.as_tuple().exponent)))
    return sent.quantize(step, ROUND_HALF_UP, _DIGITS) == loaded


def _moment(time_ms: int) -> str:
    return f"{datetime.fromtimestamp(time_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"


def _text(number: Decimal | None) -> str:
    if number is None:
        return "NULL"
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
