"""Plan the windows of a backfill, and start a run for each."""
