"""The sources and symbols that the trigger forms offer.

DAG files cannot read the settings, because every component parses them every few seconds. So the sources and symbols of
the settings are also in a small file, which Terraform writes beside the DAG files. It only fills the forms: tasks check
the params against the settings.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow.providers.common.compat.sdk import conf
from airflow.sdk import Param

from crypto_prices.fetch.sources import known_sources

CHOICES_FILE = "crypto_prices_choices.json"
"""The file's name in the folder of the DAG files. Airflow's option ``crypto_prices.choices_file`` names another one."""


@dataclass(frozen=True)
class Choices:
    """What the forms offer.

    Attributes:
        sources: Names of the sources.
        symbols: Exchange symbols, with the sources that list them. Empty if they are not known, so that the form has a
            text field.
    """

    sources: Sequence[str]
    symbols: Mapping[str, Sequence[str]]

    def sources_param(self, description: str) -> Param:
        """Return a param for a list of sources."""
        return self._list_param(description, {name: name for name in self.sources})

    def symbols_param(self, description: str) -> Param:
        """Return a param for a list of exchange symbols."""
        labels = {symbol: f"{symbol} ({', '.join(sources)})" for symbol, sources in self.symbols.items()}
        return self._list_param(description, labels)

    @staticmethod
    def _list_param(description: str, labels: Mapping[str, str]) -> Param:
        # With examples, the form has a list to choose from, but the API accepts other values, too:
        # https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/params.html
        offered: dict[str, Any] = {"examples": list(labels), "values_display": dict(labels)} if labels else {}
        # Without null the form shows it as required.
        return Param([], type=["null", "array"], items={"type": "string"}, description=description, **offered)


def read_choices(dags_folder: Path) -> Choices:
    """Return the choices in the file, or all sources of the bundle and no symbols if there is no valid file.

    Args:
        dags_folder: The folder of the DAG files.
    """
    file = Path(conf.get("crypto_prices", "choices_file", fallback=str(dags_folder / CHOICES_FILE)))
    try:
        return parse_choices(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Choices(known_sources(), {})


def parse_choices(text: str) -> Choices:
    """Return the choices in a JSON text such as ``{"binance": ["BTCUSDT"]}``: symbols by source.

    Raises:
        ValueError: The text has another form.
    """
    document = json.loads(text)
    if not isinstance(document, dict) or not all(_is_list_of_names(listed) for listed in document.values()):
        raise ValueError(f"the file of choices must have a list of symbols by source: {text[:80]}")
    symbols: dict[str, list[str]] = {}
    for source, listed in sorted(document.items()):
        for symbol in listed:
            symbols.setdefault(symbol, []).append(source)
    return Choices(sorted(document), dict(sorted(symbols.items())))


def _is_list_of_names(listed: Any) -> bool:
    return isinstance(listed, list) and all(isinstance(symbol, str) for symbol in listed)
