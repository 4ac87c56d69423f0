-- marts/record_refresh
-- A cleared refresh runs its old plan again. One of some days must not move the watermark back, and not over loads
-- that it lacks. A full one sets it: after a restore, the watermark can be ahead of the log.
-- The digest is that of the running bundle, not that of the plan, which an earlier bundle can have made. If the digest
-- has changed since the last full refresh, a refresh of some days clears it, so that the next refresh is a full one.
UPDATE crypto.mart_state
SET
    through_load = CASE
        {% if refresh(ti).full %}
            WHEN TRUE THEN {{ refresh(ti).through_load | literal }}
        {% else %}
            WHEN
                through_load >= {{ refresh(ti).after_load | literal }}
                AND through_load < {{ refresh(ti).through_load | literal }}
                THEN {{ refresh(ti).through_load | literal }}
        {% endif %}
        ELSE through_load
    END,
    {% if refresh(ti).full %}
        marts_digest = {{ marts_digest() | literal }},
    {% else %}
        marts_digest = CASE WHEN marts_digest = {{ marts_digest() | literal }} THEN marts_digest ELSE '' END,
    {% endif %}
    refreshed_at = GETDATE()
