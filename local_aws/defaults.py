"""Default values that every program of the emulator shares. Cheap to import."""

from __future__ import annotations

from pathlib import Path

DEFAULT_STATE_DIR = Path(__file__).resolve().parent.parent / ".local"
DEFAULT_PORT = 4566
