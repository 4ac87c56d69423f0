-- In the migration's own transaction. Not twice: the migrations that make this very table have run before it existed.
INSERT INTO crypto.schema_migrations (version, name, checksum, applied_at)
SELECT
    {{ migration.version | literal }} AS migration_version,
    {{ migration.name | literal }} AS migration_name,
    {{ migration.checksum | literal }} AS migration_checksum,
    GETDATE() AS applied_at
WHERE NOT EXISTS (
    SELECT 1
    FROM crypto.schema_migrations
    WHERE schema_migrations.version = {{ migration.version | literal }}
)
