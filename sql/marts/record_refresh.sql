-- marts/record_refresh
-- A cleared refresh runs its old plan again. One of some days must not move the watermark back, and not over loads
-- that it lacks. A full one sets it: after a restore, the watermark can be ahead of the log. If the digest is not the
-- present one, the next refresh is a full one.
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
    marts_digest = {{ refresh(ti).marts_digest | literal }},
    refreshed_at = GETDATE()
