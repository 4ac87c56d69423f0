"""``python -m local_platform.psql``: connect psql to the warehouse of a running local AWS, as Redshift's admin user.

The program comes from the PostgreSQL wheel. It connects over the server's Unix socket, which only the user of the local
AWS can reach, so it needs neither a port nor a password. A direct connection accepts PostgreSQL's SQL. Only the Data
API translates Redshift's SQL.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from local_aws.clients import local_client, local_session
from local_aws.defaults import DEFAULT_STATE_DIR
from local_aws.personal_settings import PERSONAL, forget_personal_settings
from local_aws.redshift.warehouse import postgres_program
from local_aws.state_folder import StateFolderError
from local_platform.local_aws_health import running_local_aws
from local_platform.warehouse_address import NoWarehouseError, WarehouseAddress, warehouse_address


def connection_url(address: WarehouseAddress, password: str) -> str:
    """Return the warehouse's URL for other programs, with the port that a container publishes.

    Args:
        address: The warehouse.
        password: The admin user's password.

    Raises:
        NoWarehouseError: The warehouse has no port.
    """
    if address.published_port is None:
        raise NoWarehouseError("the warehouse has no port: stop the local AWS and run make local-aws")
    login = f"{quote(address.admin, safe='')}:{quote(password, safe='')}"
    return f"postgresql://{login}@127.0.0.1:{address.published_port}/{address.redshift_database}"


def run_psql(address: WarehouseAddress, arguments: Sequence[str] = ()) -> int:
    """Run psql in the foreground and return its exit code.

    Args:
        address: The warehouse.
        arguments: More options of psql.
    """
    folder, number = address.socket
    command = [str(postgres_program("psql")), "-h", folder, "-p", str(number), "-U", address.admin]
    # libpq would read the user's PGOPTIONS, PGSERVICE and so on.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PERSONAL)}
    # Ctrl-C reaches psql, too, and cancels the statement. A handler, unlike SIG_IGN, is not inherited by psql.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        return subprocess.run(
            [*command, address.redshift_database, *arguments], env=environment, check=False
        ).returncode
    finally:
        signal.signal(signal.SIGINT, before)


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
    forget_personal_settings()
    try:
        document = running_local_aws(options.state_dir)
        if document is None:
            raise NoWarehouseError(f"no local AWS is running on {options.state_dir}: start one with make local-aws")
        address = warehouse_address(document)
        if options.print_url:
            sys.stdout.write(f"{connection_url(address, _password(address))}\n")
            return 0
    except (NoWarehouseError, StateFolderError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return run_psql(address, others)


def _password(address: WarehouseAddress) -> str:
    manager = local_client("secretsmanager", address.endpoint, local_session(region=address.region))
    secret = json.loads(manager.get_secret_value(SecretId=address.redshift_secret_arn)["SecretString"])
    return str(secret["password"])


if __name__ == "__main__":
    sys.exit(main())
