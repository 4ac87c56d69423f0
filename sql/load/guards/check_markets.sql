-- load/guards/check_markets
CALL crypto.check_markets({{ report(ti).batch_id | literal }})
