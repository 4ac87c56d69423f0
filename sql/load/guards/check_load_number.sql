-- load/guards/check_load_number
-- A load that is replayed gets the number that it had. A new load has no number yet.
CALL crypto.check_load_number({{ terms().load_number | literal }})
