-- load/quality/insert_row_rule_results
-- The results of the Glue job's rules for records, one row per source and rule.
INSERT INTO crypto.data_quality_results (
    batch_id,
    source,
    rule_name,
    rule_action,
    checked,
    broken,
    status,
    assessed_at
) VALUES
{%- for result in report(ti).row_rules %}
    (
        {{ report(ti).batch_id | literal }},
        {{ result.source | literal }},
        {{ result.rule | literal }},
        {{ result.action | literal }},
        {{ result.checked | literal }},
        {{ result.broken | literal }},
        {{ ('passed' if not result.broken else 'warned' if result.action == 'warn' else 'quarantined') | literal }},
        GETDATE()
    ){% if not loop.last %},{% endif %}
{%- endfor %}
