"""Targets of the conformance suite."""

from __future__ import annotations

import dataclasses
from typing import Any

from local_aws.conformance.target import Target

_EMULATOR = Target(
    emulated=True,
    prefix="own",
    bucket="b",
    role_arn="arn:aws:iam::123456789012:role/r",
    workgroup="w",
    database="d",
    secret_arn="",
    environment={},
    warehouse_port=None,
    region="us-east-1",
    account="123456789012",
)


def conformance_target(**changes: Any) -> Target:
    """Return a target that stands for the emulator, with changes."""
    return dataclasses.replace(_EMULATOR, **changes)
