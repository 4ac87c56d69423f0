"""Replaces the ``awsglue`` package of Glue's workers. Job runs find it on PYTHONPATH.

It contains only ``awsglue.utils.getResolvedOptions``. GlueContext and DynamicFrames need AWS's own JVM code, so
importing them fails like importing any other missing module.
"""
