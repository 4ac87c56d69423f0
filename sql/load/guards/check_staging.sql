-- load/guards/check_staging from {{ window(ti).start | literal }} to {{ window(ti).end | literal }}
CALL crypto.check_staging(
    {{ batch(ti).staging_table | name | literal }},
    {{ report(ti).curated | literal }},
    {{ batch(ti).window_start | literal }},
    {{ batch(ti).window_end | literal }}
)
