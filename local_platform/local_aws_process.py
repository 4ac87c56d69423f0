"""Runs ``python -m local_platform``, the local AWS of this platform, in a separate process."""

from __future__ import annotations

import contextlib
from pathlib import Path

from local_aws.launcher import RunningLocalAws, running_local_aws
from local_platform.checkout import checkout_environment


def running_platform_aws(
    state_dir: Path,
    *,
    port: int = 0,
    market_data: Path | None = None,
    provisioned: bool = True,
    enforce_iam: bool = False,
) -> contextlib.AbstractContextManager[RunningLocalAws]:
    """Run the local AWS with the exchange and, by default, the platform's resources.

    Args:
        state_dir: Its state folder.
        port: Its port; 0 takes a free one.
        market_data: The folder with recorded candles for its exchange; None generates candles.
        provisioned: Whether to create the platform's resources.
        enforce_iam: Whether to check every call against IAM policies.

    Returns:
        A context manager that returns the running local AWS and stops it. ``running_local_aws`` lists its exceptions.
    """
    options = ["--market-data", str(market_data)] if market_data is not None else []
    options += [] if provisioned else ["--no-provision"]
    return running_local_aws(
        state_dir,
        module="local_platform",
        options=options,
        port=port,
        enforce_iam=enforce_iam,
        environment=checkout_environment(),
    )
