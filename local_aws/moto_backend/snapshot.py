"""A picture of the services that change most, so that a start need not replay all of a long journal.

It is only a shortcut: the journal has everything. A picture that is missing, older, of other versions or unreadable
costs time and nothing else. Replaying takes a second for some eight hundred changes; a picture of thousands loads in a
fraction of one.
"""

from __future__ import annotations

import copyreg
import logging
import pickle
import sys
from collections import OrderedDict
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

from local_aws.replaced_file import replacing

logger = logging.getLogger(__name__)

# The services with a change per object, log batch or partition, whose classes were read for whether they can be
# pickled. EC2's cannot (weak references); it and the others are a few hundred changes, which are always replayed.
PICTURED = frozenset({"s3", "logs", "glue"})

# What a BackendDict is built with; everything else that it holds is state, for example S3's map of bucket names.
_BUILT_WITH = frozenset({"backend", "service_name", "_use_boto3_regions", "_additional_regions", "_id"})


def save(path: Path, *, began_at: float, entry_id: int) -> None:
    """Write a picture of moto's state; when that fails, there is none.

    Args:
        path: The picture's file; it is replaced in one step.
        began_at: When the state began: a picture belongs to one journal.
        entry_id: The last journal entry that the picture contains.
    """
    from moto.backends import get_backend

    services: dict[str, Any] = {}
    for name in PICTURED:
        backends: Any = get_backend(name)  # type: ignore[call-overload]
        state = {key: value for key, value in vars(backends).items() if key not in _BUILT_WITH}
        services[name] = {account: dict(regions) for account, regions in backends.items()}, state
    picture = {"versions": _versions(began_at), "entry_id": entry_id, "services": services}
    try:
        with replacing(path, mode=0o600) as draft, draft.open("wb") as file:  # it holds secrets
            _Pickler(file).dump(picture)
    except (pickle.PicklingError, TypeError, AttributeError, OSError) as error:
        logger.warning("no picture of moto's state could be taken (%s); the next start replays the journal", error)


def load(path: Path, *, began_at: float) -> int:
    """Bring the pictured services' state back.

    Args:
        path: The picture's file.
        began_at: When the journal's state began.

    Returns:
        The last journal entry that these services' state contains now; 0 when there was no picture to use.
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


def _versions(began_at: float) -> dict[str, Any]:
    return {"moto": version("moto"), "python": sys.version, "state began at": began_at}


class _Pickler(pickle.Pickler):
    """Pickles what a dictionary holds, also when its class shows something else.

    S3's objects are in a dictionary whose items() gives only the newest version of each.
    """

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file, protocol=5)

    def reducer_override(self, obj: Any) -> Any:
        kind = type(obj)
        if isinstance(obj, dict) and kind.items not in {dict.items, OrderedDict.items}:
            held = list(dict.items(obj)), getattr(obj, "__dict__", {})
            return copyreg.__newobj__, (kind,), held, None, None, _fill  # type: ignore[attr-defined]
        return NotImplemented


def _fill(obj: dict[Any, Any], held: tuple[list[tuple[Any, Any]], dict[str, Any]]) -> None:
    for key, value in held[0]:
        dict.__setitem__(obj, key, value)
    vars(obj).update(held[1])
