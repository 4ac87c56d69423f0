-- ensure_schema/insert_schema_migration
INSERT INTO crypto.schema_migrations (version, name, checksum, applied_at)
VALUES (
    {{ migration.version | literal }},
    {{ migration.name | literal }},
    {{ migration.checksum | literal }},
    GETDATE()
)
