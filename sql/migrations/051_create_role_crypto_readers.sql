-- The read-only role of analysts. An administrator grants it: GRANT ROLE crypto_readers TO some_user
CALL crypto.ensure_role('crypto_readers')
