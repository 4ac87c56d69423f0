-- load/quality/check_quality
-- The last statement of the merge's transaction. If a rule fails, the transaction is rolled back.
CALL crypto.check_quality({{ report(ti).batch_id | literal }})
