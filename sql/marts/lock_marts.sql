-- marts/lock_marts
-- The first statement of a refresh acquires the marts' lock. LOCK takes no snapshot, so the refresh sees everything
-- that was committed while it waited.
LOCK crypto.mart_lock
