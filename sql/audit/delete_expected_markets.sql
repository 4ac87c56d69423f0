-- audit/delete_expected_markets
-- The settings have changed. The next statements write all markets again.
DELETE FROM crypto.expected_markets
