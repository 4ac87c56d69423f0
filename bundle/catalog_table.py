"""The catalog table's columns for Terraform, from the one definition that the Glue job has."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

from bundle.source_files import BundleError


def load_schemas(glue_scripts: Path) -> ModuleType:
    """Load the one definition of the columns; it belongs to the Glue job and is not on this process's import path.

    Args:
        glue_scripts: The folder with ``crypto_prices_etl/``.

    Raises:
        BundleError: It has no ``crypto_prices_etl/schemas.py``.
    """
    path = glue_scripts / "crypto_prices_etl" / "schemas.py"
    if not path.is_file():
        raise BundleError(f"there is no {path}, which defines the catalog's columns: run this in a complete checkout")
    name = "crypto_prices_etl_schemas"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise BundleError(f"{path} is no Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def catalog_table(glue_scripts: Path) -> bytes:
    """Return ``catalog_table.json``: ``columns`` and ``partition_keys``, each with ``name``, ``type``, ``comment``.

    Args:
        glue_scripts: The folder with ``crypto_prices_etl/``.

    Raises:
        BundleError: It has no ``crypto_prices_etl/schemas.py``.
    """
    schemas = load_schemas(glue_scripts)
    table = {
        "columns": [_lower(column) for column in schemas.catalog_columns()],
        "partition_keys": [_lower(column) for column in schemas.catalog_partition_keys()],
    }
    return (json.dumps(table, indent=2) + "\n").encode()


def _lower(column: dict[str, str]) -> dict[str, str]:
    return {key.lower(): value for key, value in column.items()}
