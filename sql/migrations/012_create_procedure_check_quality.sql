-- Raises an error when the candles of a market break a rule whose action is fail.
CREATE OR REPLACE PROCEDURE crypto.check_quality (
    load_batch_id IN VARCHAR(128)
)
AS $$
DECLARE
    failed_rules BIGINT;
    an_example VARCHAR(256);
BEGIN
    SELECT COUNT(*), MAX(rule_name || ' of ' || source || ' ' || market || ' (' || broken || ' of ' || checked || ')')
    INTO failed_rules, an_example
    FROM crypto.data_quality_results
    WHERE batch_id = load_batch_id AND market IS NOT NULL AND status = 'failed';
    IF failed_rules > 0 THEN
        RAISE EXCEPTION 'CP-08 batch % breaks % quality rules whose action is fail, for example %. If the data are right, change the action to warn (quality_rules in the settings)',
            load_batch_id, failed_rules, an_example;
    END IF;
END;
$$ LANGUAGE plpgsql
