"""``endpoint.json`` in the state folder: how other programs reach a running emulator.

It exists only while an emulator is ready. A killed process leaves it behind, so readers compare the process id.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local_aws.replaced_file import replacing
from local_aws.state_folder import unusable

_NAME = "endpoint.json"


def write_endpoint(state_dir: Path, document: Mapping[str, Any]) -> None:
    """Write the file that other programs read to reach the emulator.

    Args:
        state_dir: The emulator's state folder.
        document: The emulator's endpoint, process id, ports and names.
    """
    with replacing(state_dir / _NAME) as draft:
        draft.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def read_endpoint(state_dir: Path) -> dict[str, Any]:
    """Return the document of the emulator that uses a state folder.

    Raises:
        FileNotFoundError: No emulator is ready.
        StateFolderError: The state folder cannot be read, because it belongs to another user or is not a folder.
    """
    try:
        text = (state_dir / _NAME).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise
    except OSError as error:
        raise unusable(state_dir, error) from error
    found: dict[str, Any] = json.loads(text)
    return found


def remove_endpoint(state_dir: Path) -> None:
    """Remove the file if it exists."""
    (state_dir / _NAME).unlink(missing_ok=True)
