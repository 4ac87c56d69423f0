"""What AWS Glue runs the job with."""

from __future__ import annotations

PYTHON_VERSION = (3, 13)
"""Of Glue 6.0."""

MODULES = frozenset({"awsglue", "boto3", "botocore", "py4j", "pyspark"})
"""Top-level modules beside the standard library that a Spark job finds there, of those that it needs. What is not
there is named in ``--additional-python-modules``
(https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-python-libraries.html)."""
