-- ensure_schema/lock_schema_migrations
-- The first statement of a migration's transaction, so that concurrent runs migrate one after the other.
LOCK crypto.schema_migrations
