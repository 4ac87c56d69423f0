"""The warehouse of a state folder, for programs that work whether or not anything is running."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from local_aws.state_folder import StateFolderError
from local_platform.local_aws_health import running_local_aws
from local_platform.local_aws_process import running_platform_aws
from local_platform.state_options import StateOptions, other_folder
from local_platform.warehouse_address import NoWarehouseError, WarehouseAddress, warehouse_address


@contextlib.contextmanager
def open_warehouse(state: StateOptions) -> Iterator[WarehouseAddress]:
    """Use the local AWS that runs on the state folder, or start one for the duration.

    Raises:
        NoWarehouseError: The state folder has no warehouse, or the local AWS does not start.
        StateOptionsError: The state folder or the port cannot be used.
    """
    try:
        running = running_local_aws(state.folder)
    except StateFolderError as error:
        raise other_folder(error) from error
    if running is not None:
        yield warehouse_address(running)
        return
    if not (state.folder / "warehouse").is_dir():
        raise NoWarehouseError(
            f"{state.folder} has no warehouse yet: load a day with make demo, or choose another folder with "
            "STATE=<folder>"
        )
    state.require_usable()
    print("starting the local AWS …", file=sys.stderr, flush=True)
    with contextlib.ExitStack() as closing:
        try:
            closing.enter_context(running_platform_aws(state.folder, port=state.aws_port))
        except (RuntimeError, TimeoutError) as error:
            raise NoWarehouseError(str(error)) from error
        started = running_local_aws(state.folder)
        if started is None:
            raise NoWarehouseError(f"the local AWS ended; see the logs in {state.folder / 'logs'}")
        yield warehouse_address(started)
