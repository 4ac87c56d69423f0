"""Stands in for the ``awsglue`` package that every Glue worker has; a job run finds it on PYTHONPATH.

Only ``awsglue.utils.getResolvedOptions`` is here. GlueContext and DynamicFrames are JVM code of AWS's own, so importing
them fails as any missing module does.
"""
