"""``python -m local_aws``: starts the laptop's AWS by itself and runs it until Ctrl-C."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import select
import sys
import time
from collections.abc import Sequence
from logging.handlers import RotatingFileHandler
from pathlib import Path

from botocore.exceptions import ClientError

from local_aws.emulator import DEFAULT_PORT, DEFAULT_STATE_DIR, Listening, LocalAws, StateInUseError
from local_aws.front.server import LOOPBACK, PortNotFreeError
from local_aws.moto_backend.journal import StateVersionError
from local_aws.redshift.warehouse import WarehouseError
from local_aws.stop_signals import stop_signals
from local_exchange.candles import MarketDataError
from local_platform.provision import NameNotPossibleError, Names, aws_environment, role_name, secret_name

_LOOK_SECONDS = 1.0
_LOG_BYTES = 10_000_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the laptop's AWS.

    Args:
        arguments: The command line; by default that of the process.

    Returns:
        The process's exit code: 0 after it was asked to stop, 1 when it could not start or its warehouse has ended.
    """
    options = _options(arguments)
    # Before anything starts: a stop that comes early must find a stop, not a half-started AWS.
    asked_to_stop = stop_signals()
    forget_persons_settings()
    _log_to(options.state_dir / "logs" / "local_aws.log", also_here=options.log)
    began = time.monotonic()
    try:
        local_aws = LocalAws(
            options.state_dir,
            port=options.port,
            market_data=options.market_data,
            provisioned=options.provision,
            listening=Listening(options.host, options.warehouse_port, options.published_warehouse_port),
            created_names=_names(options),
            write_settings=options.settings,
            enforce_iam=options.enforce_iam,
            glue_runs_at_once=options.glue_runs_at_once,
        )
        with local_aws:
            _say(_greeting(local_aws, time.monotonic() - began, enforced=options.enforce_iam))
            while not select.select([asked_to_stop], [], [], _LOOK_SECONDS)[0]:
                if not local_aws.warehouse.is_running:
                    return _refuse(
                        f"The warehouse's PostgreSQL has ended by itself: {local_aws.warehouse.log} says why."
                    )
            _say("stopping\n")
    except PortNotFreeError as error:
        return _refuse(f"{error} Give another --port, or 0 for a free one.")
    except MarketDataError as error:
        return _refuse(f"--market-data: {error}")
    except ClientError as error:
        return _refuse(f"What this AWS is to have cannot be created: {error}")
    except (NameNotPossibleError, StateInUseError, StateVersionError, WarehouseError) as error:
        return _refuse(str(error))
    return 0


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
        "--published-warehouse-port",
        type=int,
        metavar="PORT",
        help="where a container's --warehouse-port is published on the machine, for the URL that psql prints "
        "(default: the same)",
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
    parser.add_argument(
        "--glue-runs-at-once",
        type=_positive,
        metavar="N",
        help="how many Glue runs may have Spark, up to 1.5 GB each, at the same time; more of them wait in STARTING "
        "(default: as many as are started)",
    )
    parser.add_argument("--log", action="store_true", help="write the log of logs/local_aws.log to standard error too")
    _add_name_options(parser.add_argument_group("how what is created is called"))
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return int(text)


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


def _log_to(path: Path, *, also_here: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        handlers=[
            RotatingFileHandler(path, maxBytes=_LOG_BYTES, backupCount=1, encoding="utf-8"),
            *([logging.StreamHandler()] if also_here else []),
        ],
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
