-- schema/lock_schema_migrations
-- The first statement in the transaction of a migration: concurrent runs migrate one after the other.
LOCK crypto.schema_migrations
