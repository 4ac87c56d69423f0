-- ensure_schema/refuse_applied
-- Divides by zero if the migration is already applied. Another run can apply it before this one acquires the lock, and
-- migrations may not be repeatable.
SELECT 1 / CASE WHEN COUNT(*) = 0 THEN 1 ELSE 0 END AS not_applied
FROM crypto.schema_migrations
WHERE version = {{ migration.version | literal }}
