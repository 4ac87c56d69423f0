-- One row: the newest load that the marts contain, and the digest of the SQL that filled them. The first digest is
-- empty, so the first refresh is a full one.
CREATE TABLE crypto.mart_state
DISTSTYLE ALL
AS
SELECT
    CAST(0 AS BIGINT) AS through_load,
    CAST('' AS VARCHAR(64)) AS marts_digest,
    CAST(NULL AS TIMESTAMP) AS refreshed_at
