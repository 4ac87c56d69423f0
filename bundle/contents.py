"""The contents of the bundle. This module only reads the checkout and writes nothing."""

from __future__ import annotations

from pathlib import Path

from bundle.catalog_table import read_catalog_table
from bundle.mwaa_image import CONSTRAINTS_FILE, CONSTRAINTS_URL, DEPLOYED_FOLDER, constraints_file
from bundle.source_files import BundleError, read_folder
from bundle.zip_file import zip_bytes

PLUGINS = "plugins.zip"
REQUIREMENTS = "requirements.txt"
GLUE_SCRIPT = "glue/curate_crypto_prices.py"
GLUE_PACKAGE = "glue/crypto_prices_etl.zip"
GLUE_PACKAGES = ("crypto_prices_contract", "crypto_prices_etl")
"""The packages in ``GLUE_PACKAGE``."""
CATALOG_TABLE = "catalog_table.json"


def bundle_files(checkout: Path) -> dict[str, bytes]:
    """Return every file of the bundle, built from a checkout.

    Args:
        checkout: The repository's folder.

    Returns:
        The contents by path below ``dist/``: ``dags/…`` with the files of ``sql/`` inside, and the constants above.

    Raises:
        BundleError: A part of the bundle is missing, or a link points outside the checkout.
    """
    glue_scripts = checkout / "glue_scripts"
    files = {f"dags/{path}": content for path, content in read_folder(checkout / "dags", checkout).items()}
    files[PLUGINS] = zip_bytes(read_folder(checkout / "plugins", checkout))
    files[f"dags/{CONSTRAINTS_FILE}"] = constraints_file()
    # MWAA's web server installs the requirements, too. A private web server has no access to anything outside AWS.
    here = f"{DEPLOYED_FOLDER}/dags/{CONSTRAINTS_FILE}"
    files[REQUIREMENTS] = _read(checkout / REQUIREMENTS).replace(CONSTRAINTS_URL.encode(), here.encode())
    files[GLUE_SCRIPT] = _read(glue_scripts / "curate_crypto_prices.py")
    files[GLUE_PACKAGE] = glue_package(glue_scripts, checkout / "plugins")
    files[CATALOG_TABLE] = read_catalog_table(glue_scripts, checkout / "plugins").json
    return dict(sorted(files.items()))


def glue_package(glue_scripts: Path, plugins: Path) -> bytes:
    """Zip the Glue job's packages as ``--extra-py-files`` takes them, with their folders at the zip's root.

    Args:
        glue_scripts: The folder with the package ``crypto_prices_etl``.
        plugins: The folder with the package ``crypto_prices_contract``.

    Returns:
        The zip file's bytes.

    Raises:
        BundleError: A package is missing or has no modules.
    """
    zipped: dict[str, bytes] = {}
    for package in (glue_scripts / "crypto_prices_etl", plugins / "crypto_prices_contract"):
        files = read_folder(package, package)
        if not any(path.endswith(".py") for path in files):
            raise BundleError(f"{package} has no .py file: run this in a complete checkout of the repository")
        zipped |= {f"{package.name}/{path}": content for path, content in files.items()}
    return zip_bytes(zipped)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise BundleError(f"{path} is missing: run this in a complete checkout of the repository") from None
