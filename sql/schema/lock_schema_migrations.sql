-- First in the transaction of a migration: runs that migrate at once go one after the other.
LOCK crypto.schema_migrations
