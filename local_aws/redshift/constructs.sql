-- Functions behind Redshift's syntax that PostgreSQL lacks: order statistics, IGNORE NULLS, zone maps, SYS_QUERY_HISTORY.
-- Warehouse.ensure_database runs this file after compat.sql, so each statement must be repeatable.

-- MEDIAN and PERCENTILE_CONT. measure() chooses the type of the result: DECIMAL for integers and DECIMAL, DOUBLE PRECISION
-- for floating-point numbers. sorted() runs once per group or partition. percentile() interpolates as documented in
-- https://docs.aws.amazon.com/redshift/latest/dg/r_PERCENTILE_CONT.html, whose examples have the scale of the value plus
-- the scale of the percentile.
CREATE OR REPLACE FUNCTION redshift.measure(value smallint) RETURNS numeric LANGUAGE sql IMMUTABLE RETURN value::numeric;
CREATE OR REPLACE FUNCTION redshift.measure(value integer) RETURNS numeric LANGUAGE sql IMMUTABLE RETURN value::numeric;
CREATE OR REPLACE FUNCTION redshift.measure(value bigint) RETURNS numeric LANGUAGE sql IMMUTABLE RETURN value::numeric;
CREATE OR REPLACE FUNCTION redshift.measure(value numeric) RETURNS numeric LANGUAGE sql IMMUTABLE RETURN value;
CREATE OR REPLACE FUNCTION redshift.measure(value real) RETURNS double precision LANGUAGE sql IMMUTABLE
    RETURN value::double precision;
CREATE OR REPLACE FUNCTION redshift.measure(value double precision) RETURNS double precision LANGUAGE sql IMMUTABLE
    RETURN value;
CREATE OR REPLACE FUNCTION redshift.measure(value timestamp) RETURNS timestamp LANGUAGE sql IMMUTABLE RETURN value;
CREATE OR REPLACE FUNCTION redshift.measure(value timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE RETURN value;
CREATE OR REPLACE FUNCTION redshift.measure(value date) RETURNS timestamp LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION 'MEDIAN and PERCENTILE_CONT of DATE are not supported by the local Redshift: cast it to TIMESTAMP';
END $$;
CREATE OR REPLACE FUNCTION redshift.measure(anyelement) RETURNS numeric LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION 'MEDIAN and PERCENTILE_CONT take numbers and timestamps: cast the value first';
END $$;

CREATE OR REPLACE FUNCTION redshift.in_order(anyarray) RETURNS anyarray LANGUAGE sql IMMUTABLE
    AS 'SELECT array_agg(v ORDER BY v) FROM unnest($1) AS v WHERE v IS NOT NULL';
CREATE OR REPLACE AGGREGATE redshift.sorted(numeric) (
    sfunc = pg_catalog.array_append, stype = numeric[], initcond = '{}', finalfunc = redshift.in_order);
CREATE OR REPLACE AGGREGATE redshift.sorted(double precision) (
    sfunc = pg_catalog.array_append, stype = double precision[], initcond = '{}', finalfunc = redshift.in_order);
CREATE OR REPLACE AGGREGATE redshift.sorted(timestamp) (
    sfunc = pg_catalog.array_append, stype = timestamp[], initcond = '{}', finalfunc = redshift.in_order);
CREATE OR REPLACE AGGREGATE redshift.sorted(timestamptz) (
    sfunc = pg_catalog.array_append, stype = timestamptz[], initcond = '{}', finalfunc = redshift.in_order);

CREATE OR REPLACE FUNCTION redshift.percentile(ordered numeric[], share numeric) RETURNS numeric
    LANGUAGE sql IMMUTABLE STRICT
    RETURN (SELECT ordered[floor(p)::integer]
                + (p - floor(p)) * (ordered[ceil(p)::integer] - ordered[floor(p)::integer])
            FROM (SELECT 1 + share * (cardinality(ordered) - 1) AS p) AS row_number);
CREATE OR REPLACE FUNCTION redshift.percentile(ordered double precision[], share numeric) RETURNS double precision
    LANGUAGE sql IMMUTABLE STRICT
    RETURN (SELECT CASE WHEN p = floor(p) THEN ordered[p::integer]
                ELSE (ceil(p) - p)::double precision * ordered[floor(p)::integer]
                    + (p - floor(p))::double precision * ordered[ceil(p)::integer] END
            FROM (SELECT 1 + share * (cardinality(ordered) - 1) AS p) AS row_number);
CREATE OR REPLACE FUNCTION redshift.percentile(ordered timestamp[], share numeric) RETURNS timestamp
    LANGUAGE sql IMMUTABLE STRICT
    RETURN (SELECT ordered[floor(p)::integer]
                + (ordered[ceil(p)::integer] - ordered[floor(p)::integer]) * (p - floor(p))::double precision
            FROM (SELECT 1 + share * (cardinality(ordered) - 1) AS p) AS row_number);
CREATE OR REPLACE FUNCTION redshift.percentile(ordered timestamptz[], share numeric) RETURNS timestamptz
    LANGUAGE sql STABLE STRICT
    RETURN (SELECT ordered[floor(p)::integer]
                + (ordered[ceil(p)::integer] - ordered[floor(p)::integer]) * (p - floor(p))::double precision
            FROM (SELECT 1 + share * (cardinality(ordered) - 1) AS p) AS row_number);

-- PERCENTILE_DISC: the first value whose cumulative distribution reaches the share.
CREATE OR REPLACE FUNCTION redshift.discrete_percentile(anyarray, share numeric) RETURNS anyelement LANGUAGE sql IMMUTABLE
    AS 'SELECT known[greatest(1, ceil(pg_catalog.numeric_mul($2, cardinality(known)::numeric)))::integer]
        FROM (SELECT array_remove($1, NULL) AS known) AS k';

-- IGNORE NULLS. The aggregates run over the rows before the current one, or over the frame of the window.
CREATE OR REPLACE FUNCTION redshift.keep_known(anyarray, anyelement, distance integer) RETURNS anyarray
    LANGUAGE sql IMMUTABLE
    AS 'SELECT CASE WHEN $2 IS NULL THEN $1
            WHEN $1 IS NULL THEN array_fill(nullif($2, $2), ARRAY[$3 - 1]) || $2
            ELSE $1[2:] || $2 END';
CREATE OR REPLACE FUNCTION redshift.first_element(anyarray) RETURNS anyelement LANGUAGE sql IMMUTABLE AS 'SELECT $1[1]';
CREATE OR REPLACE AGGREGATE redshift.known_before(anyelement, integer) (
    sfunc = redshift.keep_known, stype = anyarray, finalfunc = redshift.first_element);
-- The values before the nth one move through an array of n elements, until its first element is known.
CREATE OR REPLACE FUNCTION redshift.keep_until_nth(anyarray, anyelement, place integer) RETURNS anyarray
    LANGUAGE sql IMMUTABLE
    AS 'SELECT CASE WHEN $1[1] IS NULL THEN redshift.keep_known($1, $2, $3) ELSE $1 END';
CREATE OR REPLACE FUNCTION redshift.last_if_filled(anyarray) RETURNS anyelement LANGUAGE sql IMMUTABLE
    AS 'SELECT CASE WHEN $1[1] IS NOT NULL THEN $1[cardinality($1)] END';
CREATE OR REPLACE AGGREGATE redshift.nth_known(anyelement, integer) (
    sfunc = redshift.keep_until_nth, stype = anyarray, finalfunc = redshift.last_if_filled);
CREATE OR REPLACE FUNCTION redshift.keep_first(anyelement, anyelement) RETURNS anyelement LANGUAGE sql IMMUTABLE STRICT
    AS 'SELECT $1';
CREATE OR REPLACE FUNCTION redshift.keep_last(anyelement, anyelement) RETURNS anyelement LANGUAGE sql IMMUTABLE STRICT
    AS 'SELECT $2';
CREATE OR REPLACE AGGREGATE redshift.first_known(anyelement) (sfunc = redshift.keep_first, stype = anyelement);
CREATE OR REPLACE AGGREGATE redshift.last_known(anyelement) (sfunc = redshift.keep_last, stype = anyelement);

-- DATEDIFF(week, …), where it does not matter whether weeks begin on Sunday or on Monday.
CREATE OR REPLACE FUNCTION redshift.weeks_between(earlier timestamp, later timestamp) RETURNS bigint
    LANGUAGE plpgsql IMMUTABLE STRICT
AS $$
DECLARE
    from_monday bigint := (date_trunc('week', later)::date - date_trunc('week', earlier)::date) / 7;
    from_sunday bigint := (date_trunc('week', later + interval '1 day')::date
                         - date_trunc('week', earlier + interval '1 day')::date) / 7;
BEGIN
    IF from_monday <> from_sunday THEN
        RAISE EXCEPTION 'DATEDIFF(week) between % and % is not supported by the local Redshift: AWS does not document '
            'whether weeks begin on Sunday or on Monday, use DATE_TRUNC', earlier, later;
    END IF;
    RETURN from_monday;
END $$;

CREATE OR REPLACE FUNCTION redshift.split_part(value text, delimiter text, part bigint) RETURNS text
    LANGUAGE plpgsql IMMUTABLE STRICT
AS $$
BEGIN
    IF part < 1 THEN
        RAISE EXCEPTION 'field position must be greater than zero';
    END IF;
    RETURN pg_catalog.split_part(value, delimiter, part::integer);
END $$;

-- LISTAGG: https://docs.aws.amazon.com/redshift/latest/dg/r_LISTAGG.html
CREATE OR REPLACE FUNCTION redshift.within_listagg_limit(value text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT
AS $$
BEGIN
    IF octet_length(value) > 65535 THEN
        RAISE EXCEPTION 'Result size exceeds LISTAGG limit';
    END IF;
    RETURN value;
END $$;

CREATE OR REPLACE FUNCTION redshift.join_distinct(words text[], separator text) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN (SELECT string_agg(word, separator ORDER BY place)
            FROM (SELECT word, min(place) AS place FROM unnest(words) WITH ORDINALITY AS each (word, place)
                  WHERE word IS NOT NULL GROUP BY word) AS words_once);

-- The user of the statement. All statements of the Data API run as this server's superuser.
CREATE OR REPLACE FUNCTION redshift."current_user"() RETURNS text LANGUAGE sql STABLE
    RETURN coalesce(nullif(current_setting('redshift.user', true), ''), current_user::text);

-- Zone maps. A BRIN index keeps the minimum and maximum of a sort key's columns for each range of 128 pages, as Redshift does
-- for each block of 1 MB: https://docs.aws.amazon.com/redshift/latest/dg/t_Sorting_data.html
-- SECURITY DEFINER: they run as this server's superuser, so they check the rights of the session's user. Temporary tables
-- are searched last, or a user could replace the catalog.
CREATE OR REPLACE FUNCTION redshift.add_zone_maps(target regclass, sort_key text[]) RETURNS void LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    missing text;
    mapped text;
BEGIN
    IF NOT pg_has_role(session_user, (SELECT c.relowner FROM pg_class c WHERE c.oid = target), 'USAGE') THEN
        RAISE EXCEPTION 'must be owner of relation %', target USING ERRCODE = 'insufficient_privilege';
    END IF;
    SELECT min(k.name) INTO missing FROM unnest(sort_key) AS k (name) WHERE NOT EXISTS (
        SELECT 1 FROM pg_attribute a WHERE a.attrelid = target AND a.attname = k.name AND NOT a.attisdropped);
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'column "%" named in key does not exist', missing;
    END IF;
    -- PostgreSQL's index rows have at most 32 columns and 2,704 bytes, so only the first part of a long key is mapped.
    SELECT string_agg(format('%I', c.name), ', ' ORDER BY c.number) INTO mapped FROM (
        SELECT k.name, k.number, coalesce(nullif(t.typbasetype, 0), t.oid) AS kind,
            sum(CASE WHEN t.typcategory <> 'S' THEN 0 WHEN greatest(t.typtypmod, a.atttypmod) < 0 THEN 65535
                ELSE greatest(t.typtypmod, a.atttypmod) END) OVER (ORDER BY k.number) AS text_bytes
        FROM unnest(sort_key) WITH ORDINALITY AS k (name, number)
        JOIN pg_attribute a ON a.attrelid = target AND a.attname = k.name
        JOIN pg_type t ON t.oid = a.atttypid) AS c
    WHERE c.kind <> 'boolean'::regtype AND c.number <= 32 AND c.text_bytes <= 2000;
    IF mapped IS NOT NULL THEN
        EXECUTE format('CREATE INDEX ON %s USING brin (%s) WITH (pages_per_range = 128)', target, mapped);
        EXECUTE format('ANALYZE %s', target);
    END IF;
END $$;
CREATE OR REPLACE FUNCTION redshift.zone_maps_of(target regclass) RETURNS SETOF regclass LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT i.indexrelid::regclass FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    JOIN pg_am m ON m.oid = c.relam WHERE i.indrelid = target AND m.amname = 'brin';
END;
-- Called after an append. Ranges without a summary are always scanned, and without statistics the planner would scan all.
-- The usual sample of 30,000 pages would take longer than the append.
CREATE OR REPLACE FUNCTION redshift.extend_zone_maps(target regclass) RETURNS void LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET default_statistics_target = 10
AS $$
BEGIN
    IF NOT has_table_privilege(session_user, target, 'INSERT, UPDATE, DELETE') THEN
        RAISE EXCEPTION 'permission denied for relation %', target USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF (SELECT sum(brin_summarize_new_values(zone_map)) FROM redshift.zone_maps_of(target) AS zone_map) > 0 THEN
        EXECUTE format('ANALYZE %s', target);
    END IF;
END $$;
-- VACUUM: sorts the rows of a table by its sort key.
CREATE OR REPLACE FUNCTION redshift.sort_rows(target regclass) RETURNS void LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    sort_key text;
BEGIN
    IF NOT pg_has_role(session_user, (SELECT c.relowner FROM pg_class c WHERE c.oid = target), 'USAGE') THEN
        RAISE EXCEPTION 'must be owner of relation %', target USING ERRCODE = 'insufficient_privilege';
    END IF;
    SELECT string_agg(format('%I', a.attname), ', ' ORDER BY a.attnum) INTO sort_key
    FROM redshift.zone_maps_of(target) AS zone_map JOIN pg_attribute a ON a.attrelid = zone_map;
    IF sort_key IS NOT NULL THEN
        EXECUTE format('CREATE INDEX redshift_sort_order ON %s (%s)', target, sort_key);
        EXECUTE format('CLUSTER %s USING redshift_sort_order', target);
        EXECUTE format('DROP INDEX %I.redshift_sort_order',
            (SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = target));
        EXECUTE format('ANALYZE %s', target);
    END IF;
END $$;

-- Statements that have ended, of the Data API and of the warehouse's port (see query_history.py).
CREATE SEQUENCE IF NOT EXISTS redshift_records.query_ids START 1000000000;
CREATE TABLE IF NOT EXISTS redshift_records.query_history (
    user_id integer NOT NULL, query_id bigint NOT NULL, query_label text, transaction_id bigint, session_id integer,
    database_name text NOT NULL, query_type text NOT NULL, status text NOT NULL, result_cache_hit boolean NOT NULL,
    start_time timestamp NOT NULL, end_time timestamp NOT NULL, elapsed_time bigint NOT NULL, queue_time bigint NOT NULL,
    execution_time bigint NOT NULL, error_message text, returned_rows bigint NOT NULL, returned_bytes bigint NOT NULL,
    query_text text NOT NULL, username text);
-- Times that PostgreSQL does not measure are unknown: they are part of execution_time.
CREATE OR REPLACE VIEW redshift.sys_query_history AS
    SELECT *, NULL::bigint AS compile_time, NULL::bigint AS planning_time, NULL::bigint AS lock_wait_time
    FROM redshift_records.query_history OFFSET 0;

-- The error that the EXCEPTION block of a procedure handles. execution.py commits and then reports it, as Redshift throws it
-- again after the block. A caller that is a procedure itself would have to continue with the error, so that is refused.
CREATE OR REPLACE FUNCTION redshift.remember_error(message text, stack text) RETURNS void LANGUAGE plpgsql
AS $$
BEGIN
    IF stack LIKE '%PL/pgSQL function%PL/pgSQL function%' THEN
        RAISE EXCEPTION 'an EXCEPTION block in a procedure that another procedure calls is not supported by the local '
            'Redshift (%)', message;
    END IF;
    PERFORM set_config('redshift.rethrown', message, true);
END $$;

-- All users may create tables in "public": https://docs.aws.amazon.com/redshift/latest/dg/r_Schemas_and_tables.html
GRANT USAGE, CREATE ON SCHEMA public TO PUBLIC;
