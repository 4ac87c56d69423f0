"""Replaces the ``awsglue`` package of Glue's workers. Job runs find it on PYTHONPATH.

It contains only ``awsglue.utils.getResolvedOptions``. GlueContext, DynamicFrame, Job and the transforms call AWS's own
JVM library, which AWS publishes neither for Glue 6.0 nor on Maven Central: https://github.com/awslabs/aws-glue-libs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType
from typing import NoReturn


class _Refusal(MetaPathFinder):
    """Refuses the modules of ``awsglue`` that no other finder has found."""

    def find_spec(self, name: str, _path: Sequence[str] | None, _target: ModuleType | None = None) -> None:
        if name.startswith(f"{__name__}."):
            _refuse(name)


def _refuse(name: str) -> NoReturn:
    raise ImportError(
        f"{name} needs the JVM library of AWS Glue, which is not available to the local Glue: use Spark's own API "
        "(SparkSession, DataFrame), which runs here and on AWS."
    )


sys.meta_path.append(_Refusal())
