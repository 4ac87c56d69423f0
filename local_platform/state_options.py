"""The options ``--state-dir`` and ``--aws-port`` that the developer commands share."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from local_aws.defaults import DEFAULT_STATE_DIR
from local_aws.ports import PortNotFreeError, free_port
from local_aws.state_folder import StateFolderError, prepare_state_folder
from local_platform.local_aws_health import running_local_aws


class StateOptionsError(Exception):
    """The state folder or the port cannot be used; the message names the variable of ``make`` to set."""


def other_folder(error: StateFolderError) -> StateOptionsError:
    """Return the error for a state folder that cannot be used, with what to do about it."""
    return StateOptionsError(f"{error} Choose a different folder with STATE=<folder>.")


@dataclass(frozen=True)
class StateOptions:
    """Where the local AWS keeps its state, and where it listens.

    Attributes:
        folder: Folder for state and logs.
        aws_port: The port of the local AWS; 0 for a free one.
    """

    folder: Path
    aws_port: int

    def require_usable(self) -> None:
        """Create the folder if it is missing, and check that a local AWS can start on it and on the port.

        Raises:
            StateOptionsError: It cannot.
        """
        try:
            prepare_state_folder(self.folder)
        except StateFolderError as error:
            raise other_folder(error) from error
        running = running_local_aws(self.folder)
        if running is not None:
            raise StateOptionsError(
                f"a local AWS already runs on {self.folder}, at {running['endpoint']} (process {running['pid']}). "
                "Stop it with Ctrl-C in its terminal, or choose a different folder with STATE=<folder>."
            )
        try:
            free_port(self.aws_port)
        except PortNotFreeError as error:
            raise StateOptionsError(
                f"{error} Choose a different port for the local AWS with AWS_PORT=<port>; 0 takes a free one."
            ) from error


def add_options(parser: argparse.ArgumentParser, *, default_port: int = 0) -> None:
    """Add the options to a parser.

    Args:
        parser: The command's parser.
        default_port: The port of the local AWS without the option; 0 for a free one.
    """
    parser.add_argument(
        "--state-dir",
        metavar="FOLDER",
        type=Path,
        default=DEFAULT_STATE_DIR,
        help="folder for state and logs (default: .local)",
    )
    parser.add_argument(
        "--aws-port",
        metavar="PORT",
        type=int,
        default=default_port,
        help=f"port of the local AWS; 0 chooses a free one (default: {default_port})",
    )


def chosen_options(parser: argparse.ArgumentParser, given: argparse.Namespace) -> StateOptions:
    """Return the chosen options; exit with a message if one is invalid."""
    require_port(parser, "AWS_PORT", given.aws_port)
    return StateOptions(given.state_dir.resolve(), given.aws_port)


def require_port(parser: argparse.ArgumentParser, name: str, port: int) -> None:
    """Exit with a message if a number is not a port.

    Args:
        parser: The command's parser.
        name: The variable of ``make`` for the port.
        port: The number.
    """
    if not 0 <= port <= 65535:
        parser.error(f"{name}={port} is not a port: use 1024 to 65535, or 0 for a free one")
