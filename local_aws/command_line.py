"""The emulator's command line: options, logging, greeting, and a loop until it is asked to stop.

``python -m local_aws`` runs the bare emulator. A program that extends it uses the same options and passes its additions
to ``run``.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import select
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import MappingProxyType
from typing import Any

from local_aws.clients import aws_environment
from local_aws.defaults import DEFAULT_PORT, DEFAULT_STATE_DIR
from local_aws.emulator import Listening, LocalAws, StateInUseError
from local_aws.moto_backend.journal import StateVersionError
from local_aws.personal_settings import forget_personal_settings
from local_aws.ports import LOOPBACK, PortNotFreeError
from local_aws.protocol.account import DEFAULT_REGION
from local_aws.protocol.wsgi import WsgiApplication
from local_aws.redshift.warehouse import WarehouseError
from local_aws.state_folder import StateFolderError, prepare_state_folder
from local_aws.stop_signals import stop_signals

_LOOK_SECONDS = 1.0
_LOG_BYTES = 10_000_000


@dataclass(frozen=True)
class Prepared:
    """Resources that a program has created in the emulator.

    Attributes:
        names: Names of the resources, for other programs.
        report: Lines about them for the greeting.
    """

    names: Mapping[str, Any] | None = None
    report: tuple[str, ...] = ()


@dataclass(frozen=True)
class OptionNames:
    """How the messages of a program name its options."""

    port: str = "--port"
    warehouse_port: str = "--warehouse-port"
    state_dir: str = "--state-dir"


Prepare = Callable[[LocalAws], contextlib.AbstractContextManager[Prepared]]
"""Creates a program's resources in a started emulator, and cleans up before the emulator stops."""


@contextlib.contextmanager
def _nothing(_: LocalAws) -> Any:
    yield Prepared()


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the emulator to a program's parser."""
    parser.add_argument("--state-dir", type=Path, default=DEFAULT_STATE_DIR, help="folder for state and logs")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help=f"0 for a free one (default {DEFAULT_PORT})")
    parser.add_argument(
        "--host",
        default=LOOPBACK,
        help=f"address to listen on (default {LOOPBACK}). Anyone who can connect has full access, so use other "
        "addresses, such as 0.0.0.0, only in a container, and publish its port on 127.0.0.1 only",
    )
    parser.add_argument("--region", default=DEFAULT_REGION, metavar="NAME", help="(default %(default)s)")
    parser.add_argument(
        "--warehouse-port",
        type=int,
        metavar="PORT",
        help="accept psql connections on this port, from Redshift's admin user with the password in the secret "
        "(Redshift's port is 5439; default: none)",
    )
    parser.add_argument(
        "--published-warehouse-port",
        type=int,
        metavar="PORT",
        help="the machine's port for a container's --warehouse-port, for the URL that psql prints (default: the same)",
    )
    parser.add_argument(
        "--enforce-iam",
        action="store_true",
        help="check every call against the caller's policies; the exported access key has full access",
    )
    parser.add_argument(
        "--glue-runs-at-once",
        type=_positive,
        metavar="N",
        help="maximum number of Glue runs that may have Spark, up to 1.5 GB each, at the same time; the others wait "
        "in STARTING (default: no limit)",
    )
    parser.add_argument("--log", action="store_true", help="also write logs/local_aws.log to standard error")


def run(
    options: argparse.Namespace,
    *,
    mounts: Mapping[str, WsgiApplication] = MappingProxyType({}),
    prepare: Prepare = _nothing,
    names: OptionNames = OptionNames(),
) -> int:
    """Run the emulator until the process is asked to stop.

    Args:
        options: The values of ``add_options``.
        mounts: Other WSGI applications on the same port (see LocalAws).
        prepare: Creates the program's resources. The emulator is announced as ready after that.
        names: How messages name the options.

    Returns:
        The process's exit code: 0 after it was asked to stop, 1 if it could not start or its PostgreSQL ended.
    """
    # This comes first so that an early signal also leads to an orderly stop.
    asked_to_stop = stop_signals()
    forget_personal_settings()
    began = time.monotonic()
    try:
        prepare_state_folder(options.state_dir)
        _log_to(options.state_dir / "logs" / "local_aws.log", also_here=options.log)
        local_aws = LocalAws(
            options.state_dir,
            port=options.port,
            region=options.region,
            mounts=mounts,
            listening=Listening(options.host, options.warehouse_port, options.published_warehouse_port),
            enforce_iam=options.enforce_iam,
            glue_runs_at_once=options.glue_runs_at_once,
        )
        with local_aws, prepare(local_aws) as prepared:
            local_aws.announce(prepared.names)
            _say(_greeting(local_aws, prepared.report, time.monotonic() - began, enforced=options.enforce_iam))
            while not select.select([asked_to_stop], [], [], _LOOK_SECONDS)[0]:
                if not local_aws.warehouse.is_running:
                    return refuse(
                        f"The warehouse's PostgreSQL ended unexpectedly. See {local_aws.warehouse.log} for the reason."
                    )
            _say("stopping\n")
    except PortNotFreeError as error:
        if error.port == options.warehouse_port:
            return refuse(f"{error} Set a different {names.warehouse_port}.")
        return refuse(f"{error} Set a different {names.port}, or 0 for a free one.")
    except (StateFolderError, StateInUseError) as error:
        return refuse(f"{error} Set a different {names.state_dir}.")
    except (StateVersionError, WarehouseError) as error:
        return refuse(str(error))
    return 0


def refuse(reason: str) -> int:
    """Write to standard error why the program ends, and return exit code 1."""
    sys.stderr.write(f"{reason}\n")
    return 1


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return int(text)


def _greeting(local_aws: LocalAws, report: Sequence[str], seconds: float, *, enforced: bool) -> str:
    lines = [f"The local AWS is ready at {local_aws.endpoint} (started in {seconds:.1f} s).", *report]
    if enforced:
        lines += ["IAM is enforced. authorizations.jsonl records every check. The access key below has full access."]
    lines += [f"State and logs are in {local_aws.state_dir}. To use it:", ""]
    lines += [f"export {name}={value}" for name, value in aws_environment(local_aws.endpoint, local_aws.region).items()]
    return "\n".join([*lines, ""])


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
    # They log one line per request and per credential lookup. calls.jsonl has the same information in a better form.
    for noisy in ("botocore", "boto3", "urllib3", "uvicorn", "werkzeug"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _say(text: str) -> None:
    with contextlib.suppress(BrokenPipeError):  # a closed output pipe must not end the emulator
        sys.stdout.write(text)
        sys.stdout.flush()
