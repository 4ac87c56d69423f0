"""An AWS emulator: one process on one port that really executes Spark jobs, SQL statements and IAM policies.

It imports nothing from the repository around it. Programs use it as they use AWS, with a different endpoint and other
credentials.
"""
