"""A picture of moto's whole state, so that a start need not replay a long journal.

It is only a shortcut: the journal has everything. A picture that is missing, older, of other versions or unreadable
costs time and nothing else. Replaying takes a second for some eight hundred changes; a picture of thousands loads in a
fraction of one.
"""

from __future__ import annotations

import logging
import os
import pickle
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from moto.backends import SERVICE_NAMES

logger = logging.getLogger(__name__)

# What a BackendDict is built with; everything else that it holds is state, for example S3's map of bucket names.
_BUILT_WITH = frozenset({"backend", "service_name", "_use_boto3_regions", "_additional_regions", "_id"})


def _versions(began_at: float) -> dict[str, Any]:
    return {"moto": version("moto"), "python": sys.version, "state began at": began_at}


def save(path: Path, *, began_at: float, entry_id: int) -> None:
    """Write a picture of moto's state.

    Args:
        path: The picture's file; it is replaced in one step.
        began_at: When the state began: a picture belongs to one journal.
        entry_id: The last journal entry that the picture contains.
    """
    from moto.backends import get_backend
    from moto.core.base_backend import BackendDict

    services: dict[str, Any] = {}
    instances: list[Any] = BackendDict._instances  # type: ignore[misc]
    for backends in instances:
        name = backends.service_name
        if get_backend(cast("SERVICE_NAMES", name)) is not backends:
            logger.warning("no picture of moto's state: %s is not found under its name", name)
            return
        state = {key: value for key, value in vars(backends).items() if key not in _BUILT_WITH}
        services[name] = {account: dict(regions) for account, regions in backends.items()}, state
    picture = {"versions": _versions(began_at), "entry_id": entry_id, "services": services}
    draft = path.with_suffix(".draft")
    with open(draft, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:  # it holds secrets
        pickle.dump(picture, file, protocol=5)
    draft.replace(path)


def load(path: Path, *, began_at: float) -> int:
    """Bring moto's state back from a picture.

    Args:
        path: The picture's file.
        began_at: When the journal's state began.

    Returns:
        The last journal entry that moto's state contains now; 0 when there was no picture to use.
    """
    from moto.backends import get_backend

    try:
        picture = pickle.loads(path.read_bytes())  # noqa: S301 - our own file, in a folder that only its owner can write
    except FileNotFoundError:
        return 0
    except Exception as error:  # noqa: BLE001 - whatever is wrong with a shortcut, the long way is right
        logger.warning("%s cannot be read (%s); replaying the whole journal instead", path, error)
        return 0
    if picture["versions"] != _versions(began_at):
        logger.info("%s is of another version or state; replaying the whole journal instead", path)
        return 0
    for name, (accounts, state) in picture["services"].items():
        backends = get_backend(name)
        vars(backends).update(state)
        for account, regions in accounts.items():
            for region, backend in regions.items():
                dict.__setitem__(backends[account], region, backend)
    return int(picture["entry_id"])
