"""Glue job runs of the laptop's AWS: the job's real script, run with real Spark in a process of its own."""
