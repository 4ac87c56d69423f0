"""The command line of a local AWS: options, log, greeting, and running until it is asked to stop.

``python -m local_aws`` is the bare emulator. A program that adds something to it takes the same options and passes
``run`` what it adds.
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

from local_aws.clients import aws_environment, forget_personal_settings
from local_aws.defaults import DEFAULT_PORT, DEFAULT_STATE_DIR
from local_aws.emulator import Listening, LocalAws, StateInUseError
from local_aws.moto_backend.journal import StateVersionError
from local_aws.ports import LOOPBACK, PortNotFreeError
from local_aws.protocol.account import DEFAULT_REGION
from local_aws.protocol.wire import WsgiApplication
from local_aws.redshift.warehouse import WarehouseError
from local_aws.stop_signals import stop_signals

_LOOK_SECONDS = 1.0
_LOG_BYTES = 10_000_000


@dataclass(frozen=True)
class Prepared:
    """What a program has created in the emulator.

    Attributes:
        names: The names of what it created, for other programs.
        report: Lines about it for the greeting.
    """

    names: Mapping[str, Any] | None = None
    report: tuple[str, ...] = ()


Prepare = Callable[[LocalAws], contextlib.AbstractContextManager[Prepared]]
"""Creates what a program needs in a started emulator, and cleans up when the emulator is about to stop."""


@contextlib.contextmanager
def _nothing(_: LocalAws) -> Any:
    yield Prepared()


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the emulator to a program's parser."""
    parser.add_argument("--state-dir", type=Path, default=DEFAULT_STATE_DIR, help="folder of state and logs")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help=f"0 for a free one (default {DEFAULT_PORT})")
    parser.add_argument(
        "--host",
        default=LOOPBACK,
        help=f"address to listen on (default {LOOPBACK}). Anyone who can connect has full access, so another address "
        "is for a container: 0.0.0.0 there, published on 127.0.0.1 only",
    )
    parser.add_argument("--region", default=DEFAULT_REGION, metavar="NAME", help="(default %(default)s)")
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
        "--enforce-iam",
        action="store_true",
        help="check every call against the caller's policies; the exported access key has full access",
    )
    parser.add_argument(
        "--glue-runs-at-once",
        type=_positive,
        metavar="N",
        help="how many Glue runs may have Spark, up to 1.5 GB each, at the same time; more of them wait in STARTING "
        "(default: no limit)",
    )
    parser.add_argument("--log", action="store_true", help="also write logs/local_aws.log to standard error")


def run(
    options: argparse.Namespace,
    *,
    mounts: Mapping[str, WsgiApplication] = MappingProxyType({}),
    prepare: Prepare = _nothing,
) -> int:
    """Run the emulator until the process is asked to stop.

    Args:
        options: The values of ``add_options``.
        mounts: Other WSGI applications on the same port (see LocalAws).
        prepare: Creates what the program needs. Other programs see the emulator as ready after that.

    Returns:
        The process's exit code: 0 after it was asked to stop, 1 if it could not start or its warehouse ended.
    """
    # First of all: an early stop must be an orderly one.
    asked_to_stop = stop_signals()
    forget_personal_settings()
    _log_to(options.state_dir / "logs" / "local_aws.log", also_here=options.log)
    began = time.monotonic()
    try:
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
                        f"The warehouse's PostgreSQL has ended by itself; see {local_aws.warehouse.log} for the reason."
                    )
            _say("stopping\n")
    except PortNotFreeError as error:
        return refuse(f"{error} Give another --port, or 0 for a free one.")
    except (StateInUseError, StateVersionError, WarehouseError) as error:
        return refuse(str(error))
    return 0


def refuse(reason: str) -> int:
    """Write to standard error why the program ends, and return its exit code."""
    sys.stderr.write(f"{reason}\n")
    return 1


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return int(text)


def _greeting(local_aws: LocalAws, report: Sequence[str], seconds: float, *, enforced: bool) -> str:
    lines = [f"The local AWS answers at {local_aws.endpoint} (started in {seconds:.1f} s).", *report]
    if enforced:
        lines += ["IAM is enforced; authorizations.jsonl has every check. The access key below has full access."]
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
    # They log one line per request and per credential lookup; calls.jsonl is better at that.
    for noisy in ("botocore", "boto3", "urllib3", "uvicorn", "werkzeug"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _say(text: str) -> None:
    with contextlib.suppress(BrokenPipeError):  # the end of our output's reader does not end us
        sys.stdout.write(text)
        sys.stdout.flush()
