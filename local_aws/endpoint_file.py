"""``endpoint.json`` in the state folder: where a running local AWS tells other programs how to reach it.

It exists only while a local AWS is ready. A killed process leaves it behind, so its reader compares the process id.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local_aws.replaced_file import replacing

_NAME = "endpoint.json"


def write_endpoint(state_dir: Path, document: Mapping[str, Any]) -> None:
    """Write how a local AWS is reached.

    Args:
        state_dir: Its state folder.
        document: What other programs need to know.
    """
    with replacing(state_dir / _NAME) as draft:
        draft.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def read_endpoint(state_dir: Path) -> dict[str, Any]:
    """Return what the local AWS on a state folder wrote.

    Raises:
        FileNotFoundError: No local AWS is ready.
    """
    found: dict[str, Any] = json.loads((state_dir / _NAME).read_text(encoding="utf-8"))
    return found


def remove_endpoint(state_dir: Path) -> None:
    """Remove the file if it exists."""
    (state_dir / _NAME).unlink(missing_ok=True)
