-- Divides by zero when the migration is applied already: another run can have done it before this one got the lock, and
-- a migration that is no CREATE … IF NOT EXISTS must not run twice.
SELECT 1 / CASE WHEN COUNT(*) = 0 THEN 1 ELSE 0 END AS not_applied
FROM crypto.schema_migrations
WHERE version = {{ migration.version | literal }}
