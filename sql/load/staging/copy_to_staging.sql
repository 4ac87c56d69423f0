-- load/staging/copy_to_staging
-- COPY rejects a manifest without entries, so a load without rows copies nothing.
{% if report(ti).curated %}
    COPY crypto.{{ batch(ti).staging_table | name }}
    FROM {{ report(ti).copy_manifest.uri | literal }}
    IAM_ROLE {{ settings().redshift_copy_role_arn | literal }}
    FORMAT AS PARQUET
    MANIFEST
{% else %}
    SELECT COUNT(*) AS row_total FROM crypto.{{ batch(ti).staging_table | name }}
{% endif %}
