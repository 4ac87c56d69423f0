"""A snapshot of the services that change most, so that a start does not have to replay a long journal.

It is only a shortcut, because the journal contains everything. A snapshot that is missing, older, unreadable or from
other versions only costs time. Replaying about eight hundred changes takes a second. A snapshot of thousands loads in a
fraction of a second.
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

# The services with a change per object, log batch or partition. Their classes have been checked and can be pickled.
# EC2's cannot (weak references). EC2 and the other services have a few hundred changes, which are always replayed.
IN_SNAPSHOT = frozenset({"s3", "logs", "glue"})

# The constructor's attributes of a BackendDict. All others are state, for example S3's map of bucket names.
_BUILT_WITH = frozenset({"backend", "service_name", "_use_boto3_regions", "_additional_regions", "_id"})


def save(path: Path, *, began_at: float, entry_id: int) -> None:
    """Write a snapshot of moto's state. If that fails, there is no snapshot.

    Args:
        path: The snapshot's file. It is replaced in one step.
        began_at: When the state began. A snapshot belongs to one journal.
        entry_id: The last journal entry that the snapshot contains.
    """
    from moto.backends import get_backend

    services: dict[str, Any] = {}
    for name in IN_SNAPSHOT:
        backends: Any = get_backend(name)  # type: ignore[call-overload]
        state = {key: value for key, value in vars(backends).items() if key not in _BUILT_WITH}
        services[name] = {account: dict(regions) for account, regions in backends.items()}, state
    snapshot = {"versions": _versions(began_at), "entry_id": entry_id, "services": services}
    try:
        with replacing(path, mode=0o600) as draft, draft.open("wb") as file:  # it contains secrets
            _Pickler(file).dump(snapshot)
    except (pickle.PicklingError, TypeError, AttributeError, OSError) as error:
        logger.warning("moto's state could not be saved to a snapshot (%s): the next start replays the journal", error)


def load(path: Path, *, began_at: float) -> int:
    """Restore the state of the services in a snapshot.

    Args:
        path: The snapshot's file.
        began_at: When the journal's state began.

    Returns:
        The last journal entry that these services' state now contains; 0 if there was no usable snapshot.
    """
    from moto.backends import get_backend

    try:
        snapshot = pickle.loads(path.read_bytes())  # noqa: S301 - our own file, in a private folder
    except FileNotFoundError:
        return 0
    except Exception as error:  # noqa: BLE001 - any failure of the shortcut leads to a full replay
        logger.warning("%s cannot be read (%s): replaying the whole journal instead", path, error)
        return 0
    if snapshot["versions"] != _versions(began_at):
        logger.info("%s is from a different version or state: replaying the whole journal instead", path)
        return 0
    for name, (accounts, state) in snapshot["services"].items():
        backends = get_backend(name)
        vars(backends).update(state)
        for account, regions in accounts.items():
            for region, backend in regions.items():
                dict.__setitem__(backends[account], region, backend)
    return int(snapshot["entry_id"])


def _versions(began_at: float) -> dict[str, Any]:
    return {"moto": version("moto"), "python": sys.version, "state began at": began_at}


class _Pickler(pickle.Pickler):
    """Pickles all entries of a dictionary, even if its class hides some of them.

    S3 stores objects in a dictionary whose items() returns only the newest version of each.
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
