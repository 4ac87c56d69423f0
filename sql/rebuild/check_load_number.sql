-- rebuild/check_load_number
CALL crypto.check_load_number({{ record.load_number | literal }})
