-- plan/delete_expected_markets
-- The next statement writes the markets again, with the days on which their names are used.
DELETE FROM crypto.expected_markets
WHERE
    source || '/' || candle_interval || '/' || symbol || '/' || quote_currency IN (
        {{ names | map('literal') | join(', ') }}
    )
