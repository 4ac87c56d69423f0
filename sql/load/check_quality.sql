-- Last, and in the same transaction: what a rule refuses was never loaded.
CALL crypto.check_quality({{ report(ti).batch_id | literal }})
