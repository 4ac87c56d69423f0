-- rebuild/restore_removal
-- Who removed the candles, and when.
UPDATE crypto.load_log
SET
    merged_at = {{ record.merged_at | warehouse_time | literal }},
    visible_at = {{ record.visible_at | warehouse_time | literal }},
    removed_by = {{ record.removal.by | literal }}
WHERE load_number = {{ record.load_number | literal }}
