"""``python -m local_platform.psql``: psql in the warehouse of a running local AWS, as Redshift's admin user.

The program is PostgreSQL's own from the wheel, the password that of the secret in the local Secrets Manager. The
warehouse understands PostgreSQL's SQL on this way, not Redshift's, which only the Data API translates.
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
    """There is no warehouse to sign in to; the message says what to do."""


def connection_url(endpoint: dict[str, Any], secret: dict[str, str], *, published: bool = False) -> str:
    """Return libpq's URL of the warehouse.

    Args:
        endpoint: What the local AWS tells in its ``endpoint.json``.
        secret: The admin user's ``username`` and ``password``.
        published: Whether it is for the machine outside of the local AWS's container, if it runs in one.

    Raises:
        NoWarehouseError: The warehouse listens on no port, or nothing was created in the local AWS.
    """
    if endpoint["names"] is None:
        raise NoWarehouseError("the local AWS runs with --no-provision, so it has no warehouse that is known here")
    if endpoint["warehouse_port"] is None:
        raise NoWarehouseError("the warehouse listens on no port: start the local AWS with --warehouse-port 5439")
    user, password = quote(secret["username"], safe=""), quote(secret["password"], safe="")
    port = endpoint["published_warehouse_port" if published else "warehouse_port"]
    address = f"127.0.0.1:{port}"
    return f"postgresql://{user}:{password}@{address}/{endpoint['names']['redshift_database']}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run psql, or print the URL; return 1 when there is no warehouse."""
    parser = argparse.ArgumentParser(
        prog="python -m local_platform.psql",
        description="psql in the warehouse, as Redshift's admin user. Other options are psql's own, such as "
        "-c 'SELECT …'.",
    )
    parser.add_argument("--state-dir", type=Path, default=DEFAULT_STATE_DIR, help="that of the local AWS")
    parser.add_argument("--print-url", action="store_true", help="print the URL for a psql of your own")
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
    # By a variable: a command line can be read by every user of the machine.
    user_and_password, _, rest = url.removeprefix("postgresql://").partition("@")
    user, _, password = user_and_password.partition(":")
    command = [program, f"postgresql://{user}@{rest}", *others]
    return subprocess.run(command, env={**os.environ, "PGPASSWORD": unquote(password)}, check=False).returncode


def _endpoint(state_dir: Path) -> dict[str, Any]:
    try:
        return read_endpoint(state_dir)
    except FileNotFoundError:
        raise NoWarehouseError(f"no local AWS runs on {state_dir}") from None


def _secret(endpoint: dict[str, Any]) -> dict[str, str]:
    names = endpoint["names"]
    if names is None:
        return {}
    manager = local_client("secretsmanager", endpoint["endpoint"], local_session(region=names["region"]))
    secret: dict[str, str] = json.loads(manager.get_secret_value(SecretId=names["redshift_secret_arn"])["SecretString"])
    return secret


if __name__ == "__main__":
    sys.exit(main())
