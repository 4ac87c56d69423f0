"""``python -m local_aws``: starts an empty emulator and runs it until Ctrl-C."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from local_aws.command_line import add_options, run


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the emulator.

    Args:
        arguments: The command line. Default: the process's own.

    Returns:
        The process's exit code: 0 after it was asked to stop, 1 if it could not start or its PostgreSQL ended.
    """
    parser = argparse.ArgumentParser(
        prog="python -m local_aws",
        usage="%(prog)s [options]",
        description="AWS on this machine, on one port of 127.0.0.1: S3, Glue with Spark, Redshift on PostgreSQL, IAM "
        "and more. It starts empty and keeps its state between runs.",
    )
    add_options(parser)
    return run(parser.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
