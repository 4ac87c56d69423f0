-- load/history/mark_visible
-- The loads before this one have been committed, because this transaction holds the load lock.
CALL crypto.mark_visible()
