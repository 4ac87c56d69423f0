-- receipts/copy_curated_file
COPY curated_rows
FROM {{ file | literal }}
IAM_ROLE {{ settings().redshift_copy_role_arn | literal }}
FORMAT AS PARQUET
