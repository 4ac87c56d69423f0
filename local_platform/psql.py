"""``python -m local_platform.psql``: connect psql to the warehouse of a running local AWS, as Redshift's admin user.

The program comes from the PostgreSQL wheel, and the password from the local Secrets Manager. A direct connection
accepts PostgreSQL's SQL. Only the Data API translates Redshift's SQL.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from local_aws.clients import local_client, local_session
from local_aws.defaults import DEFAULT_STATE_DIR
from local_aws.endpoint_file import read_endpoint
from local_aws.redshift.warehouse import postgres_program


class NoWarehouseError(Exception):
    """There is no warehouse to connect to; the message has the remedy."""


def connection_url(endpoint: dict[str, Any], secret: dict[str, str], *, published: bool = False) -> str:
    """Return the warehouse's URL for libpq.

    Args:
        endpoint: The content of the local AWS's ``endpoint.json``.
        secret: The admin user's ``username`` and ``password``.
        published: Whether to use the port that the local AWS's container publishes, if it runs in one.

    Raises:
        NoWarehouseError: The warehouse has no port, or the local AWS was not provisioned.
    """
    if endpoint["names"] is None:
        raise NoWarehouseError("no warehouse has been provisioned: start the local AWS without --no-provision")
    if endpoint["warehouse_port"] is None:
        raise NoWarehouseError("the warehouse has no port: stop the local AWS and run make local-aws")
    user, password = quote(secret["username"], safe=""), quote(secret["password"], safe="")
    port = endpoint["published_warehouse_port" if published else "warehouse_port"]
    address = f"127.0.0.1:{port}"
    return f"postgresql://{user}:{password}@{address}/{endpoint['names']['redshift_database']}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run psql, or print the URL. Return psql's exit code, or 1 if there is no warehouse."""
    parser = argparse.ArgumentParser(
        prog="python -m local_platform.psql",
        usage="%(prog)s [options] [options of psql]",
        description="Connect psql to the warehouse, as Redshift's admin user. Other options are passed to psql, such "
        "as -c 'SELECT …'.",
    )
    parser.add_argument("--state-dir", type=Path, default=DEFAULT_STATE_DIR, help="state folder of the local AWS")
    parser.add_argument("--print-url", action="store_true", help="print the URL, for your own psql")
    options, others = parser.parse_known_args(arguments)
    try:
        endpoint = _endpoint(options.state_dir)
        secret = _secret(endpoint)
        url = connection_url(endpoint, secret)
    except NoWarehouseError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if options.print_url:
        sys.stdout.write(f"{connection_url(endpoint, secret, published=True)}\n")
        return 0
    program = str(postgres_program("psql"))
    # In a variable, because every user of the machine can read command lines.
    user_and_password, _, rest = url.removeprefix("postgresql://").partition("@")
    user, _, password = user_and_password.partition(":")
    command = [program, f"postgresql://{user}@{rest}", *others]
    return subprocess.run(command, env={**os.environ, "PGPASSWORD": unquote(password)}, check=False).returncode


def _endpoint(state_dir: Path) -> dict[str, Any]:
    try:
        return read_endpoint(state_dir)
    except FileNotFoundError:
        raise NoWarehouseError(f"no local AWS is running on {state_dir}") from None


def _secret(endpoint: dict[str, Any]) -> dict[str, str]:
    names = endpoint["names"]
    if names is None:
        return {}
    manager = local_client("secretsmanager", endpoint["endpoint"], local_session(region=names["region"]))
    secret: dict[str, str] = json.loads(manager.get_secret_value(SecretId=names["redshift_secret_arn"])["SecretString"])
    return secret


if __name__ == "__main__":
    sys.exit(main())
