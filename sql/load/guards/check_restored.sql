-- load/guards/check_restored
CALL crypto.check_restored(
    {{ batch(ti).staging_table | name | literal }},
    {{ report(ti).batch_id | literal }},
    {{ (1 if terms().guards_off else 0) | literal }}
)
