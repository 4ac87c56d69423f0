"""The database secret of the provider's RedshiftDataOperator."""

from __future__ import annotations

from typing import Any

from crypto_prices.settings import settings_of_try


def use_redshift_secret(context: Any) -> None:
    """Set a RedshiftDataOperator's secret to the one in the settings. To be used as ``pre_execute``.

    ``secret_arn`` is the only argument of the provider's operator that is not a template field, and settings must not
    be read when the DAG file is parsed. ``pre_execute`` runs in the task.
    """
    context["task"].secret_arn = settings_of_try(context["ti"]).redshift_secret_arn
