-- load/staging/drop_staging
DROP TABLE IF EXISTS crypto.{{ batch(ti).staging_table | name }}
