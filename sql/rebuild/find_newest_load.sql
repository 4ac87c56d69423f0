-- rebuild/find_newest_load
SELECT last_load_number AS newest_load
FROM crypto.load_counter
