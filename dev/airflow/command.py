"""``python -m dev airflow``: run the local AWS and a complete Airflow that uses it, until Ctrl-C."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from local_aws.defaults import DEFAULT_PORT
from local_platform import markets
from local_platform.airflow_services.local_airflow import LocalAirflowError
from local_platform.checkout import REPOSITORY
from local_platform.interruption import interrupt_on_stop_signals
from local_platform.markets import Markets
from local_platform.running_platform import LocalPlatform

DEFAULT_UI_PORT = 8080
_LOOK_SECONDS = 1.0


@dataclass(frozen=True)
class Options:
    """What to run.

    Attributes:
        ui_port: The port of Airflow's UI and API; 0 for a free one.
        aws_port: The port of the local AWS; 0 for a free one.
        markets: The markets to load.
        state_dir: Folder for state and logs.
    """

    ui_port: int
    aws_port: int
    markets: Markets
    state_dir: Path


def parse_options(arguments: Sequence[str]) -> Options:
    """Return the options of a command line.

    Args:
        arguments: The command line after the command.
    """
    parser = argparse.ArgumentParser(
        prog="python -m dev airflow",
        usage="%(prog)s [options]",
        description="Run the local AWS and a complete Airflow that uses it, until Ctrl-C.",
    )
    parser.add_argument(
        "--port",
        type=int,
        default=DEFAULT_UI_PORT,
        help=f"port of Airflow's UI; 0 chooses a free one (default: {DEFAULT_UI_PORT})",
    )
    parser.add_argument(
        "--aws-port",
        type=int,
        default=DEFAULT_PORT,
        help=f"port of the local AWS; 0 chooses a free one (default: {DEFAULT_PORT})",
    )
    markets.add_options(parser)
    parser.add_argument(
        "--state-dir",
        metavar="FOLDER",
        type=Path,
        default=REPOSITORY / ".local",
        help="folder for state and logs (default: .local)",
    )
    given = parser.parse_args(arguments)
    for name, port in (("PORT", given.port), ("--aws-port", given.aws_port)):
        if not 0 <= port <= 65535:
            parser.error(f"{name}={port} is not a port: use 1024 to 65535, or 0 for a free one")
    return Options(given.port, given.aws_port, markets.chosen_markets(parser, given), given.state_dir.resolve())


def main(arguments: Sequence[str]) -> int:
    """Run both until Ctrl-C.

    Returns:
        The exit code: 0 after Ctrl-C, 1 if a process did not start or ended early.
    """
    options = parse_options(arguments)
    interrupt_on_stop_signals()
    began = time.monotonic()
    platform = LocalPlatform(
        options.state_dir,
        options.markets,
        aws_port=options.aws_port,
        ui_port=options.ui_port,
        on_step=lambda step: print(f"{step} …", flush=True),
    )
    try:
        with platform:
            print(_greeting(platform, time.monotonic() - began), flush=True)
            while True:
                time.sleep(_LOOK_SECONDS)
                platform.check()
    except LocalAirflowError as error:
        print(f"make airflow: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; loaded data is kept", flush=True)
        return 0


def _greeting(platform: LocalPlatform, seconds: float) -> str:
    dag_id = "crypto_prices_daily"
    conf = "'{\"reload\": true}'"
    return f"""
Airflow runs at {platform.airflow.url} (no password; started in {seconds:.0f} s).
Scheduled DAGs are paused until you unpause them.
The local AWS listens at {platform.names.endpoint}. Logs are in {platform.airflow.home / "services"}.

In a second terminal, in this folder:

  source .venv/bin/activate && source {platform.airflow.environment_file}
  airflow dags unpause {dag_id}
  airflow dags trigger {dag_id} --logical-date 2023-12-18T00:00:00+00:00 --conf {conf}
  airflow tasks clear {dag_id} -t merge_into_fact -s 2023-12-18 -e 2023-12-18 -y
  airflow backfill create --dag-id {dag_id} --from-date 2024-01-01 --to-date 2024-01-07
  make backfill FROM=2024-01-01 TO=2024-01-07

Ctrl-C stops everything."""
