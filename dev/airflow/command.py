"""``python -m dev airflow``: run the local AWS and a complete Airflow that uses it, until Ctrl-C."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from local_aws.defaults import DEFAULT_PORT
from local_platform import markets, state_options
from local_platform.airflow_services.local_airflow import LocalAirflowError
from local_platform.interruption import interrupt_on_stop_signals
from local_platform.markets import Markets
from local_platform.running_platform import LocalPlatform
from local_platform.state_options import StateOptions

DEFAULT_UI_PORT = 8080
_LOOK_SECONDS = 1.0


@dataclass(frozen=True)
class Options:
    """What to run.

    Attributes:
        ui_port: The port of Airflow's UI and API; 0 for a free one.
        markets: The markets to load.
        state: Where the local AWS keeps its state, and where it listens.
    """

    ui_port: int
    markets: Markets
    state: StateOptions


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
    markets.add_options(parser)
    state_options.add_options(parser, default_port=DEFAULT_PORT)
    given = parser.parse_args(arguments)
    state_options.require_port(parser, "PORT", given.port)
    return Options(given.port, markets.chosen_markets(parser, given), state_options.chosen_options(parser, given))


def main(arguments: Sequence[str]) -> int:
    """Run both until Ctrl-C.

    Returns:
        The exit code: 0 after Ctrl-C, 1 if a process did not start or ended early.
    """
    options = parse_options(arguments)
    interrupt_on_stop_signals()
    began = time.monotonic()
    platform = LocalPlatform(
        options.state.folder,
        options.markets,
        aws_port=options.state.aws_port,
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
    plan = """'{"start": "2024-01-01", "end": "2024-02-01", "dry_run": true}'"""
    return f"""
Airflow runs at {platform.airflow.url} (no password; started in {seconds:.0f} s).
Scheduled DAGs are paused until you unpause them.
The local AWS listens at {platform.names.endpoint}. Logs are in {platform.airflow.home / "services"}.

In a second terminal, in this folder:

  source .venv/bin/activate && source {platform.airflow.environment_file}
  airflow dags unpause {dag_id} && airflow dags unpause crypto_prices_marts
  airflow dags trigger {dag_id} --logical-date 2023-12-18T00:00:00+00:00 --conf {conf}
  airflow tasks clear {dag_id} -t merge_into_fact -s 2023-12-18 -e 2023-12-18 -y
  airflow dags unpause crypto_prices_backfill && airflow dags unpause crypto_prices_window
  airflow dags trigger crypto_prices_backfill --conf {plan}
  airflow backfill create --dag-id {dag_id} --from-date 2024-01-01 --to-date 2024-01-07
  make backfill FROM=2024-01-01 TO=2024-01-07

Ctrl-C stops everything."""
