-- load/guards/check_origin
CALL crypto.check_origin(
    {{ batch(ti).staging_table | name | literal }},
    {{ report(ti).batch_id | literal }},
    {{ (1 if terms().guards_off else 0) | literal }}
)
