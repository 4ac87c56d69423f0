"""``python -m local_aws``: starts the laptop's AWS by itself and runs it until Ctrl-C."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from local_aws.assembly import DEFAULT_PORT, DEFAULT_STATE_DIR, Listening, LocalAws, StateInUseError
from local_aws.exchange.candles import MarketDataError
from local_aws.moto_journal import StateVersionError
from local_aws.provision import NameNotPossibleError, Names, aws_environment, role_name, secret_name
from local_aws.redshift.warehouse import WarehouseError
from local_aws.server import LOOPBACK, PortNotFreeError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the laptop's AWS.

    Args:
        arguments: The command line; by default that of the process.

    Returns:
        The process's exit code: 0 after it was asked to stop, 1 when it could not start.
    """
    options = _options(arguments)
    # Before anything starts: a stop that comes early must find a stop, not a half-started AWS.
    asked_to_stop = _stop_signals()
    forget_persons_settings()
    _log_to(options.state_dir / "logs" / "local_aws.log")
    began = time.monotonic()
    try:
        local_aws = LocalAws(
            options.state_dir,
            port=options.port,
            market_data=options.market_data,
            provisioned=options.provision,
            listening=Listening(options.host, options.warehouse_port),
            created_names=_names(options),
            write_settings=options.settings,
            enforce_iam=options.enforce_iam,
        )
        with local_aws:
            _say(_greeting(local_aws, time.monotonic() - began, enforced=options.enforce_iam))
            os.read(asked_to_stop, 1)
            _say("stopping\n")
    except PortNotFreeError as error:
        return _refuse(f"{error} Give another --port, or 0 for a free one.")
    except MarketDataError as error:
        return _refuse(f"--market-data: {error}")
    except (NameNotPossibleError, StateInUseError, StateVersionError, WarehouseError) as error:
        return _refuse(str(error))
    return 0


def _stop_signals() -> int:
    """Return what can be read from once the process has been asked to stop.

    A signal may reach any thread, and Python runs its handler when the main thread does its next step. Waiting for a
    lock is none: about every fifth stop was overlooked. What is written to a pipe wakes whoever reads.
    """
    asked, ask = os.pipe()
    os.set_blocking(ask, False)
    signal.set_wakeup_fd(ask)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    return asked


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local_aws",
        description="AWS on this machine, for the crypto price platform: S3, Glue with Spark, Redshift on PostgreSQL, "
        "and what else the platform calls, on one port of 127.0.0.1. State is kept between runs.",
    )
    parser.add_argument("--state-dir", type=Path, default=DEFAULT_STATE_DIR, help="where state and logs are kept")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help=f"0 for a free one (default {DEFAULT_PORT})")
    parser.add_argument(
        "--host",
        default=LOOPBACK,
        help=f"address to listen on (default {LOOPBACK}). Whoever reaches it may do everything, so another one is for "
        "a container: 0.0.0.0 there, published on 127.0.0.1 only",
    )
    parser.add_argument(
        "--warehouse-port",
        type=int,
        metavar="PORT",
        help="let psql in, as Redshift's admin user with the password of the secret (Redshift's port is 5439; default: "
        "none)",
    )
    parser.add_argument(
        "--market-data", type=Path, metavar="FOLDER", help="recorded candles for the exchange (default: generated ones)"
    )
    parser.add_argument(
        "--no-provision",
        dest="provision",
        action="store_false",
        help="create nothing: an empty AWS, for example for Terraform",
    )
    parser.add_argument(
        "--enforce-iam",
        action="store_true",
        help="hold every call against the policies of who makes it; the exported access key may do everything",
    )
    _add_name_options(parser.add_argument_group("how what is created is called"))
    return parser.parse_args(arguments)


def _add_name_options(group: argparse._ArgumentGroup) -> None:
    usual = Names()
    for option, default in (
        ("--region", usual.region),
        ("--s3-bucket", usual.bucket),
        ("--glue-job", usual.glue_job),
        ("--redshift-workgroup", usual.redshift),
        ("--redshift-database", usual.redshift_database),
    ):
        group.add_argument(option, default=default, metavar="NAME", help=f"(default {default})")
    group.add_argument(
        "--catalog",
        default=f"{usual.catalog_database}.{usual.catalog_table}",
        metavar="DATABASE.TABLE",
        help="(default %(default)s)",
    )
    group.add_argument(
        "--redshift-secret-arn",
        metavar="ARN",
        help=f"of the warehouse's admin user, without the last seven characters (default: named {usual.admin_secret})",
    )
    group.add_argument("--redshift-copy-role-arn", metavar="ARN", help=f"(default: named {usual.copy_role})")
    group.add_argument(
        "--no-settings",
        dest="settings",
        action="store_false",
        help="write no secret with the bundle's settings, because they come from elsewhere",
    )


def _names(options: argparse.Namespace) -> Names:
    database, dot, table = options.catalog.partition(".")
    if not (database and dot and table) or "." in table:
        raise NameNotPossibleError(f"--catalog is <database>.<table>, not {options.catalog!r}")
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


def _greeting(local_aws: LocalAws, seconds: float, *, enforced: bool) -> str:
    lines = [f"The local AWS answers at {local_aws.endpoint} (started in {seconds:.1f} s)."]
    if local_aws.names is not None:
        created = local_aws.names.created
        lines += ["Created:", *(f"  {what}" for what in created)] if created else ["Everything was already there."]
    if enforced:
        lines += ["IAM is enforced; authorizations.jsonl has every check. The access key below may do everything."]
    lines += [f"State and logs are in {local_aws.state_dir}. To use it:", ""]
    lines += [f"export {name}={value}" for name, value in aws_environment(local_aws.endpoint, local_aws.region).items()]
    return "\n".join([*lines, ""])


def forget_persons_settings() -> None:
    """Take a person's own AWS profile and HTTP proxy out of the way of our own clients and of what we start."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ |= {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.devnull}
    os.environ |= {"AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = ",".join(
        filter(None, (os.environ.get("NO_PROXY") or os.environ.get("no_proxy"), "127.0.0.1", "localhost"))
    )


def _log_to(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        handlers=[logging.FileHandler(path, encoding="utf-8")],
    )
    # One line per request and per credential lookup of our own clients: calls.jsonl says it better.
    for noisy in ("botocore", "boto3", "urllib3", "uvicorn", "werkzeug"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _say(text: str) -> None:
    with contextlib.suppress(BrokenPipeError):  # whoever read our output has ended; that does not end us
        sys.stdout.write(text)
        sys.stdout.flush()


def _refuse(reason: str) -> int:
    sys.stderr.write(f"{reason}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
