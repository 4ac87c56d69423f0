"""The operator of a run's first task, which resolves the window, sources and symbols, and checks the settings."""

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
from crypto_prices.plan.check_params import ParamError, check_params
from crypto_prices.plan.check_sources import check_sources
from crypto_prices.plan.daily_window import daily_window
from crypto_prices.settings import SettingsError, load_settings, select_symbols

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class ResolveWindowOperator(BaseOperator):
    """Resolves a run's window, and the sources and symbols to fetch.

    The task returns one item per source, ``{"source", "symbols", "window_start", "window_end"}``, over which
    ``fetch_prices`` is mapped.

    Args:
        day: ISO day to load (templated); empty for the logical date. Not allowed with ``start`` and ``end``.
        start: First day (ISO, templated), included.
        end: Day after the last (ISO, templated), excluded.
        sources: JSON list of the sources to load (templated); empty for all in the settings.
        symbols: JSON list of the exchange symbols to load (templated); empty for all in the settings.
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
        """Return one item per source to fetch.

        Raises:
            AirflowFailException: The settings or the params are invalid. Or the window is missing, has not ended or is
                too long. Or a source or symbol is not in the settings. A retry would not help.
        """
        try:
            check_params(context["dag_run"].conf, context["dag"].params)
            settings = load_settings()
            if self.day and (self.start or self.end):
                raise WindowError(
                    f"day ({self.day}) cannot be combined with start and end ({self.start}, {self.end}): set only one"
                )
            if self.start or self.end:
                window = Window.parse(self.start, self.end)
            else:
                window = daily_window(context["dag_run"].logical_date, self.day)
            refuse_unclosed(window, datetime.now(UTC))
            # Later tasks query the catalog with this expression. A window that is too long must fail before the fetch.
            partition_expression(window)
            check_sources(settings)
            chosen = select_symbols(settings, json.loads(self.sources), json.loads(self.symbols))
        except (ParamError, SettingsError, WindowError, FatalSourceError) as error:
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
