-- load/counts/insert_etl_metadata
INSERT INTO crypto.etl_metadata (
    batch_id,
    source,
    candle_interval,
    window_start,
    window_end,
    content_hash,
    raw_manifest,
    glue_job_run_id,
    copy_manifest,
    dag_id,
    run_id,
    status,
    rows_fetched,
    rows_quarantined,
    rows_duplicate,
    rows_curated,
    rows_removed,
    loaded_at,
    market_set,
    market_total,
    fetched_at,
    accepted_by,
    accepted_because
) VALUES
{%- for fetched in loaded(ti) %}
    {%- set counts = report(ti).sources[fetched.source] %}
    {%- set accepted = terms().accepted.get(fetched.source) %}
    (
        {{ report(ti).batch_id | literal }},
        {{ fetched.source | literal }},
        {{ fetched.candle_interval | literal }},
        {{ batch(ti).window_start | literal }},
        {{ batch(ti).window_end | literal }},
        {{ fetched.content_hash | literal }},
        {{ fetched.raw_manifest | literal }},
        {{ report(ti).job_run_id | literal }},
        {{ report(ti).copy_manifest.uri | literal }},
        {{ terms().dag_id | literal }},
        {{ terms().run_id | literal }},
        'merged',
        {{ counts.fetched | literal }},
        {{ counts.quarantined_total | literal }},
        {{ counts.duplicates | literal }},
        {{ counts.curated | literal }},
        0,
        {% if terms().merged_at %}{{ terms().merged_at | literal }}{% else %}GETDATE(){% endif %},
        {{ fetched.market_set | literal }},
        {{ fetched.markets | length | literal }},
        {{ fetched.fetched_at | literal }},
        {{ (accepted.by if accepted else none) | literal }},
        {{ (accepted.because if accepted else none) | literal }}
    ){% if not loop.last %},{% endif %}
{%- endfor %}
