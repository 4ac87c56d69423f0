"""The first task of a run: which window, which sources, and are the settings right?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException, BaseOperator

from crypto_prices.settings import SettingsError, load_settings
from crypto_prices.window import WindowError, daily_window

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class ResolveWindowOperator(BaseOperator):
    """Resolves a daily run's window and lists what to fetch.

    Returns one item per source, ``{"source", "window_start", "window_end"}``, for ``fetch_prices`` to be mapped over.

    Args:
        day: ISO day to load instead of the logical date's (templated); empty when it is not given.
    """

    template_fields: Sequence[str] = ("day",)

    def __init__(self, *, day: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.day = day

    def execute(self, context: Context) -> list[dict[str, str]]:
        """Return what to fetch.

        Raises:
            AirflowFailException: The settings are not right or there is no day; a retry would not change that.
        """
        try:
            settings = load_settings()
            window = daily_window(context["dag_run"].logical_date, self.day)
        except (SettingsError, WindowError) as error:
            raise AirflowFailException(str(error)) from error
        self.log.info("Window [%s, %s) from %s", window.start, window.end, ", ".join(sorted(settings.sources)))
        return [
            {"source": source, "window_start": window.start.isoformat(), "window_end": window.end.isoformat()}
            for source in sorted(settings.sources)
        ]
