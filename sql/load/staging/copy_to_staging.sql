-- load/staging/copy_to_staging
COPY crypto.{{ batch(ti).staging_table | name }}
FROM {{ report(ti).copy_manifest | literal }}
IAM_ROLE {{ settings().redshift_copy_role_arn | literal }}
FORMAT AS PARQUET
MANIFEST
