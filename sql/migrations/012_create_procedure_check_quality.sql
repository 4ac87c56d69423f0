-- Raises an error when the candles of a market break a rule whose action is fail.
CREATE OR REPLACE PROCEDURE crypto.check_quality (
    load_batch_id IN VARCHAR(128)
)
AS $$
DECLARE
    failed RECORD;
    failed_rules BIGINT := 0;
    an_example VARCHAR(256) := '';
    sources VARCHAR(4096) := '';
BEGIN
    FOR failed IN
        SELECT source, COUNT(*) AS rules,
            MAX(rule_name || ' of ' || source || ' ' || market || ' (' || broken || ' of ' || checked || ')') AS example
        FROM crypto.data_quality_results
        WHERE batch_id = load_batch_id AND market IS NOT NULL AND status = 'failed'
        GROUP BY source ORDER BY source
    LOOP
        failed_rules := failed_rules + failed.rules;
        an_example := failed.example;
        sources := sources || ', ' || failed.source;
    END LOOP;
    IF failed_rules > 0 THEN
        sources := SUBSTRING(sources, 3);
        RAISE EXCEPTION 'CP-08 batch % breaks % quality rules whose action is fail, all of %, for example %. If the data are right, change the action to warn (quality_rules in the settings). To load the other sources of the batch now, trigger crypto_prices_window for the same days with the parameter sources',
            load_batch_id, failed_rules, sources, an_example;
    END IF;
END;
$$ LANGUAGE plpgsql
