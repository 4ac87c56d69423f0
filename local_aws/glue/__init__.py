"""Glue job runs: a job's unmodified script, executed by real Spark in its own process."""
