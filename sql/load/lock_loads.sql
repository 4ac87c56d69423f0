-- load/lock_loads
-- The first statement of its transaction acquires the load lock. LOCK takes no snapshot, so the transaction sees
-- everything that was committed while it waited.
LOCK crypto.load_lock
