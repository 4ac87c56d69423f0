-- First in its transaction: the snapshot is taken after the wait, so what others committed meanwhile is seen.
LOCK crypto.load_lock
