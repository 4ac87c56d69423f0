"""The Python environment of the Glue job."""

from __future__ import annotations

PYTHON_VERSION = (3, 13)
"""The Python version of Glue 6.0."""

MODULES = frozenset({"awsglue", "boto3", "botocore", "py4j", "pyspark"})
"""Top-level modules that Glue provides and the job may use, besides the standard library. Other modules must be listed
in ``--additional-python-modules``
(https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-python-libraries.html)."""
