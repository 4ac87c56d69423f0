"""``python -m local_platform``: run the local AWS with this platform's resources and the local exchange, until Ctrl-C.

The local-aws image runs it, too. That image has neither Airflow nor the bundle's plugins.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from botocore.exceptions import ClientError

from local_aws.command_line import OptionNames, Prepared, add_options, refuse, run
from local_aws.emulator import LocalAws
from local_exchange.candles import MarketDataError
from local_platform.exchange import exchange_mount
from local_platform.glue_code_watch import GlueCodeWatch
from local_platform.names import NameNotPossibleError, Names, role_name, secret_name
from local_platform.provision import provision

_OPTIONS = OptionNames(
    port="AWS_PORT= (--port)", warehouse_port="WAREHOUSE_PORT= (--warehouse-port)", state_dir="STATE= (--state-dir)"
)
"""``make`` has variables for these options."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the local AWS of this platform.

    Args:
        arguments: The command line. Default: the process's own.

    Returns:
        The process's exit code: 0 after a stop signal, 1 if it could not start or its warehouse ended.
    """
    options = parse_options(arguments)
    try:
        names = names_of(options)
        mounts = exchange_mount(options.market_data)
    except NameNotPossibleError as error:
        return refuse(str(error))
    except MarketDataError as error:
        return refuse(f"--market-data: {error}")

    @contextlib.contextmanager
    def prepare(local_aws: LocalAws) -> Iterator[Prepared]:
        if not options.provision:
            yield Prepared()
            return
        provisioned = provision(local_aws.endpoint, names=names, write_settings=options.settings)
        created = provisioned.created
        report = ("Created:", *(f"  {what}" for what in created)) if created else ("Everything already existed.",)
        report += (f"To query the warehouse: {sys.executable} -m local_platform.psql",)
        with GlueCodeWatch(local_aws.endpoint, names):
            yield Prepared(dataclasses.asdict(provisioned), report)

    try:
        return run(options, mounts=mounts, prepare=prepare, names=_OPTIONS)
    except ClientError as error:
        return refuse(f"the platform's resources cannot be created: {error}")


def parse_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the values of the options.

    Args:
        arguments: The command line. Default: the process's own.
    """
    parser = argparse.ArgumentParser(
        prog="python -m local_platform",
        usage="%(prog)s [options]",
        description="Run the local AWS with the resources of the crypto price platform, and the local exchange below "
        "/exchange, on one port of 127.0.0.1. State is kept between runs.",
    )
    add_options(parser)
    parser.add_argument(
        "--market-data", type=Path, metavar="FOLDER", help="recorded candles for the exchange (default: generated)"
    )
    parser.add_argument(
        "--no-provision",
        dest="provision",
        action="store_false",
        help="create no resources",
    )
    _add_name_options(parser.add_argument_group("names of the created resources"))
    return parser.parse_args(arguments)


def _add_name_options(group: argparse._ArgumentGroup) -> None:
    usual = Names()
    for option, default in (
        ("--s3-bucket", usual.bucket),
        ("--glue-job", usual.glue_job),
        ("--redshift-workgroup", usual.redshift),
        ("--redshift-database", usual.redshift_database),
    ):
        group.add_argument(option, default=default, metavar="NAME", help=f"(default: {default})")
    group.add_argument(
        "--catalog",
        default=f"{usual.catalog_database}.{usual.catalog_table}",
        metavar="DATABASE.TABLE",
        help="(default: %(default)s)",
    )
    group.add_argument(
        "--redshift-secret-arn",
        metavar="ARN",
        help=f"the warehouse's admin secret, without the last 7 characters (default: named {usual.admin_secret})",
    )
    group.add_argument("--redshift-copy-role-arn", metavar="ARN", help=f"role of COPY (default: {usual.copy_role})")
    group.add_argument(
        "--no-settings",
        dest="settings",
        action="store_false",
        help="do not create the secret with the bundle's settings",
    )


def names_of(options: argparse.Namespace) -> Names:
    """Return the names in the options.

    Raises:
        NameNotPossibleError: A resource cannot have such a name.
    """
    database, dot, table = options.catalog.partition(".")
    if not (database and dot and table) or "." in table:
        raise NameNotPossibleError(f"--catalog={options.catalog} is not <database>.<table>")
    usual = Names()
    secret, role = options.redshift_secret_arn, options.redshift_copy_role_arn
    return Names(
        region=options.region,
        bucket=options.s3_bucket,
        catalog_database=database,
        catalog_table=table,
        glue_job=options.glue_job,
        redshift=options.redshift_workgroup,
        redshift_database=options.redshift_database,
        admin_secret=usual.admin_secret if secret is None else secret_name(secret, options.region),
        copy_role=usual.copy_role if role is None else role_name(role),
    )


if __name__ == "__main__":
    sys.exit(main())
