"""The catalog table for Terraform and the local AWS: the Glue job's columns, the data dictionary's comments."""

from __future__ import annotations

import importlib.util
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from bundle.source_files import BundleError

SCHEMAS = "crypto_prices_etl/schemas.py"
DATA_DICTIONARY = "crypto_prices_contract/data_dictionary.py"


@dataclass(frozen=True)
class CatalogTable:
    """The curated table as the Glue Data Catalog describes it.

    Attributes:
        description: The comment on the table.
        columns: ``StorageDescriptor.Columns``: Name, Type and Comment of each column.
        partition_keys: ``TableInput.PartitionKeys``: Name, Type and Comment of each partition key.
    """

    description: str
    columns: list[dict[str, str]]
    partition_keys: list[dict[str, str]]

    @property
    def json(self) -> bytes:
        """``catalog_table.json``: the description, and lower-case name, type and comment of columns and keys."""
        table = {
            "description": self.description,
            "columns": [_lower(column) for column in self.columns],
            "partition_keys": [_lower(column) for column in self.partition_keys],
        }
        return (json.dumps(table, indent=2) + "\n").encode()


def read_catalog_table(glue_scripts: Path, plugins: Path) -> CatalogTable:
    """Read the catalog table from the definitions in a checkout.

    Args:
        glue_scripts: The folder with ``crypto_prices_etl/``, whose ``schemas.py`` defines names and types.
        plugins: The folder with ``crypto_prices_contract/``, whose ``data_dictionary.py`` has the comments.

    Raises:
        BundleError: A file is missing, or the dictionary's columns differ from those of ``schemas.py``.
    """
    schemas = _load(glue_scripts / SCHEMAS)
    table = _load(plugins / DATA_DICTIONARY).CATALOG_TABLE
    columns, partition_keys = schemas.catalog_columns(), schemas.catalog_partition_keys()
    names = [column["Name"] for column in [*columns, *partition_keys]]
    comments = {column.name: column.comment for column in table.columns}
    if differing := sorted(set(names) ^ set(comments)):
        raise BundleError(
            f"{', '.join(differing)}: not in both {SCHEMAS} and CATALOG_TABLE of {DATA_DICTIONARY}. "
            "Each column of the curated table needs a type in the first and a comment in the second"
        )

    def commented(defined: list[dict[str, str]]) -> list[dict[str, str]]:
        return [column | {"Comment": comments[column["Name"]]} for column in defined]

    return CatalogTable(table.comment, commented(columns), commented(partition_keys))


def _load(path: Path) -> ModuleType:
    """Load a module of the checkout by its path, because its package is not on this process's import path."""
    if not path.is_file():
        raise BundleError(f"{path}, which defines the catalog table, is missing: run this in a complete checkout")
    name = f"checkout_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise BundleError(f"{path} is not a Python module: restore the file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look up their module here
    spec.loader.exec_module(module)
    return module


def _lower(column: dict[str, str]) -> dict[str, str]:
    return {key.lower(): value for key, value in column.items()}
