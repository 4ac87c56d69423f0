"""The first task of a run: which window, which sources and symbols, and are the settings right?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException, BaseOperator
from crypto_prices_contract.window import Window, WindowError

from crypto_prices.aws.catalog import partition_expression
from crypto_prices.fetch.errors import FatalSourceError
from crypto_prices.fetch.sources.base import refuse_unclosed
from crypto_prices.plan.check_sources import check_sources
from crypto_prices.plan.daily_window import daily_window
from crypto_prices.settings import SettingsError, load_settings, select_symbols

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class ResolveWindowOperator(BaseOperator):
    """Resolves a run's window and lists what to fetch.

    Returns one item per source, ``{"source", "symbols", "window_start", "window_end"}``, for ``fetch_prices`` to be
    mapped over.

    Args:
        day: ISO day to load (templated); empty for the logical date's. Not together with ``start`` and ``end``.
        start: First day (ISO, templated), included.
        end: Day after the last (ISO, templated), excluded.
        sources: JSON list of the sources to take (templated), all of the settings when it is empty.
        symbols: JSON list of the exchange symbols to take (templated), all of the settings when it is empty.
    """

    template_fields: Sequence[str] = ("day", "start", "end", "sources", "symbols")

    def __init__(
        self, *, day: str = "", start: str = "", end: str = "", sources: str = "[]", symbols: str = "[]", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.day = day
        self.start = start
        self.end = end
        self.sources = sources
        self.symbols = symbols

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Return what to fetch.

        Raises:
            AirflowFailException: The settings are not right, there is no window, it has not ended or is too long, or a
                source or symbol is not in the settings; a retry would not change that.
        """
        try:
            settings = load_settings()
            if self.day and (self.start or self.end):
                raise WindowError(f"give day ({self.day}) or start and end ({self.start}, {self.end}), not both")
            if self.start or self.end:
                window = Window.parse(self.start, self.end)
            else:
                window = daily_window(context["dag_run"].logical_date, self.day)
            refuse_unclosed(window, datetime.now(UTC))
            # Later tasks ask the catalog with it: a window that is too long must not be fetched and curated first.
            partition_expression(window)
            check_sources(settings)
            chosen = select_symbols(settings, json.loads(self.sources), json.loads(self.symbols))
        except (SettingsError, WindowError, FatalSourceError) as error:
            raise AirflowFailException(str(error)) from error
        self.log.info("Window [%s, %s) from %s", window.start, window.end, chosen)
        return [
            {
                "source": source,
                "symbols": symbols,
                "window_start": window.start.isoformat(),
                "window_end": window.end.isoformat(),
            }
            for source, symbols in sorted(chosen.items())
        ]
