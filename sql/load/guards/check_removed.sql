-- load/guards/check_removed
CALL crypto.check_removed({{ report(ti).batch_id | literal }}, {{ (1 if terms().guards_off else 0) | literal }})
