"""Registers the bundle's schedules and its page with Airflow."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from airflow.plugins_manager import AirflowPlugin
from crypto_prices.plan.day_timetable import DayTimetable

# A candle, in the color of the navigation's other icons in each mode. As data, because a viewer may not read our files.
_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 20 20' fill='none' stroke='%23{color}' "
    "stroke-width='1.5'%3E%3Cpath d='M6 2v3m0 8v4M14 3v4m0 7v3'/%3E%3Crect x='4' y='5' width='4' height='8' rx='.5'/%3E"
    "%3Crect x='12' y='7' width='4' height='7' rx='.5'/%3E%3C/svg%3E"
)


class CryptoPricesPlugin(AirflowPlugin):
    """The bundle's plugin. Airflow loads it in every component at start-up (``core.lazy_load_plugins`` is False)."""

    name = "crypto_prices"
    timetables: list[Any] = [DayTimetable]  # noqa: RUF012 - as AirflowPlugin declares it
    # Without url_route, because Airflow would show the page in a sandboxed frame whose links cannot open a run. The
    # path is relative to Airflow's base URL, and the app is mounted below it, so it has a slash only at the end. In a
    # category, because Airflow 3.3.1 renders an external link at the top level as a button that opens nothing.
    external_views: list[Any] = [  # noqa: RUF012 - as AirflowPlugin declares it
        {
            "name": "Crypto prices",
            "href": "crypto-prices/",
            "destination": "nav",
            "category": "browse",
            "icon": _ICON.format(color="52525b"),
            "icon_dark_mode": _ICON.format(color="d4d4d8"),
        }
    ]

    @cached_property
    def fastapi_apps(self) -> list[Any]:  # type: ignore[override]
        """The app with the page. Only the API server reads this, so only it imports FastAPI's parts."""
        from crypto_prices.page.web_app import create_app

        return [{"name": "crypto_prices", "app": create_app(), "url_prefix": "/crypto-prices"}]
