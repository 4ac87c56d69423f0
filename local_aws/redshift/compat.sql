-- Functions, types and views that Redshift SQL needs and PostgreSQL lacks, in a schema on the search path of every statement.
-- Warehouse.ensure_database runs this file in each Redshift database after every change, so each statement must be repeatable.

CREATE SCHEMA IF NOT EXISTS redshift;
-- The tables behind the system views. No search path contains it, and sql.py refuses its name.
CREATE SCHEMA IF NOT EXISTS redshift_records;

-- Time. GETDATE is the start of the statement in whole seconds, SYSDATE the start of the transaction in microseconds.
CREATE OR REPLACE FUNCTION redshift.getdate() RETURNS timestamp LANGUAGE sql STABLE
    RETURN date_trunc('second', statement_timestamp() AT TIME ZONE 'UTC');
CREATE OR REPLACE FUNCTION redshift.sysdate() RETURNS timestamp LANGUAGE sql STABLE
    RETURN transaction_timestamp() AT TIME ZONE 'UTC';

-- A year after February 29 is March 1: https://docs.aws.amazon.com/redshift/latest/dg/r_DATEADD_function.html
CREATE OR REPLACE FUNCTION redshift.date_add(part text, amount numeric, moment timestamp) RETURNS timestamp
    LANGUAGE sql IMMUTABLE STRICT
    RETURN moment + trunc(amount)::double precision * CASE part
        WHEN 'year' THEN interval '1 year' WHEN 'quarter' THEN interval '3 months' WHEN 'month' THEN interval '1 month'
        WHEN 'week' THEN interval '7 days' WHEN 'day' THEN interval '1 day' WHEN 'hour' THEN interval '1 hour'
        WHEN 'minute' THEN interval '1 minute' WHEN 'second' THEN interval '1 second'
        WHEN 'millisecond' THEN interval '1 millisecond' WHEN 'microsecond' THEN interval '1 microsecond' END
        + CASE WHEN part = 'year' AND to_char(moment, 'MMDD') = '0229'
            AND extract(day FROM moment + trunc(amount)::double precision * interval '1 year') = 28
            THEN interval '1 day' ELSE interval '0' END;
CREATE OR REPLACE FUNCTION redshift.date_add(part text, amount numeric, moment timestamptz) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE STRICT
    RETURN redshift.date_add(part, amount, moment AT TIME ZONE 'UTC') AT TIME ZONE 'UTC';
CREATE OR REPLACE FUNCTION redshift.date_add(part text, amount numeric, moment date) RETURNS timestamp
    LANGUAGE sql IMMUTABLE STRICT
    RETURN redshift.date_add(part, amount, moment::timestamp);
-- A time of day has no other parts, and goes on at midnight.
CREATE OR REPLACE FUNCTION redshift.on_a_day(part text, moment time) RETURNS timestamp LANGUAGE plpgsql IMMUTABLE STRICT
AS $$
BEGIN
    IF part NOT IN ('hour', 'minute', 'second', 'millisecond', 'microsecond') THEN
        RAISE EXCEPTION 'a TIME value has no date part "%"', part;
    END IF;
    RETURN date '2000-01-01' + moment;
END $$;
CREATE OR REPLACE FUNCTION redshift.date_add(part text, amount numeric, moment time) RETURNS time
    LANGUAGE sql IMMUTABLE STRICT
    RETURN redshift.date_add(part, amount, redshift.on_a_day(part, moment))::time;

-- DATEDIFF counts the boundaries between two points in time, not the elapsed time.
CREATE OR REPLACE FUNCTION redshift.date_diff(part text, earlier timestamp, later timestamp) RETURNS bigint
    LANGUAGE sql IMMUTABLE STRICT
    RETURN CASE part
        WHEN 'year' THEN (extract(year FROM later) - extract(year FROM earlier))::bigint
        WHEN 'quarter' THEN (extract(year FROM later) * 4 + extract(quarter FROM later)
                           - extract(year FROM earlier) * 4 - extract(quarter FROM earlier))::bigint
        WHEN 'month' THEN (extract(year FROM later) * 12 + extract(month FROM later)
                         - extract(year FROM earlier) * 12 - extract(month FROM earlier))::bigint
        WHEN 'day' THEN (later::date - earlier::date)::bigint
        WHEN 'microsecond' THEN (extract(epoch FROM later - earlier) * 1000000)::bigint
        WHEN 'millisecond' THEN (extract(epoch FROM date_trunc('milliseconds', later)
                                                  - date_trunc('milliseconds', earlier)) * 1000)::bigint
        ELSE (extract(epoch FROM date_trunc(part, later) - date_trunc(part, earlier))
              / CASE part WHEN 'hour' THEN 3600 WHEN 'minute' THEN 60 ELSE 1 END)::bigint END;
CREATE OR REPLACE FUNCTION redshift.date_diff(part text, earlier time, later time) RETURNS bigint
    LANGUAGE sql IMMUTABLE STRICT
    RETURN redshift.date_diff(part, redshift.on_a_day(part, earlier), redshift.on_a_day(part, later));

-- EXTRACT of a TIMESTAMP is an INTEGER: https://docs.aws.amazon.com/redshift/latest/dg/r_EXTRACT_function.html
CREATE OR REPLACE FUNCTION redshift.whole_epoch(moment timestamp) RETURNS integer LANGUAGE plpgsql IMMUTABLE STRICT
AS $$
DECLARE
    seconds double precision := floor(pg_catalog.date_part('epoch', moment));
BEGIN
    IF seconds NOT BETWEEN -2147483648 AND 2147483647 THEN
        RAISE EXCEPTION 'EXTRACT(epoch FROM %) does not fit in INTEGER: use DATE_PART(epoch, …)', moment;
    END IF;
    RETURN seconds;
END $$;
-- EXTRACT leaves out the other parts of a second, DATE_PART does not. Decade 1 begins with the year 1:
-- https://docs.aws.amazon.com/redshift/latest/dg/r_Dateparts_for_datetime_functions.html
CREATE OR REPLACE FUNCTION redshift.date_part(part text, moment timestamp) RETURNS integer LANGUAGE sql IMMUTABLE STRICT
    RETURN CASE part
        WHEN 'second' THEN floor(pg_catalog.date_part('second', moment))
        WHEN 'millisecond' THEN floor(pg_catalog.date_part('millisecond', moment))::integer % 1000
        WHEN 'microsecond' THEN pg_catalog.date_part('microsecond', moment)::integer % 1000
        WHEN 'decade' THEN pg_catalog.date_part('decade', moment) + 1
        WHEN 'epoch' THEN redshift.whole_epoch(moment)
        ELSE pg_catalog.date_part(part, moment) END::integer;
CREATE OR REPLACE FUNCTION redshift.date_part(part text, moment date) RETURNS integer LANGUAGE sql IMMUTABLE STRICT
    RETURN redshift.date_part(part, moment::timestamp);
CREATE OR REPLACE FUNCTION redshift.date_part(part text, moment time) RETURNS integer LANGUAGE sql IMMUTABLE STRICT
    RETURN redshift.date_part(part, redshift.on_a_day(part, moment));
CREATE OR REPLACE FUNCTION redshift.date_part(part text, moment timestamptz) RETURNS double precision
    LANGUAGE sql IMMUTABLE STRICT
    RETURN CASE part WHEN 'epoch' THEN pg_catalog.date_part(part, moment)
        ELSE redshift.date_part(part, moment AT TIME ZONE 'UTC')::double precision END;
CREATE OR REPLACE FUNCTION redshift.pgdate_part(part text, moment timestamp) RETURNS double precision
    LANGUAGE sql IMMUTABLE STRICT
    RETURN pg_catalog.date_part(part, moment) + CASE part WHEN 'decade' THEN 1 ELSE 0 END;
CREATE OR REPLACE FUNCTION redshift.pgdate_part(part text, moment date) RETURNS double precision
    LANGUAGE sql IMMUTABLE STRICT
    RETURN redshift.pgdate_part(part, moment::timestamp);
CREATE OR REPLACE FUNCTION redshift.pgdate_part(part text, moment timestamptz) RETURNS double precision
    LANGUAGE sql IMMUTABLE STRICT
    RETURN redshift.pgdate_part(part, moment AT TIME ZONE 'UTC');
CREATE OR REPLACE FUNCTION redshift.pgdate_part(part text, moment time) RETURNS double precision
    LANGUAGE sql IMMUTABLE STRICT
    RETURN redshift.pgdate_part(part, redshift.on_a_day(part, moment));
CREATE OR REPLACE FUNCTION redshift.pgdate_part(part text, length interval) RETURNS double precision
    LANGUAGE sql IMMUTABLE STRICT
    RETURN pg_catalog.date_part(part, length);
CREATE OR REPLACE FUNCTION redshift.date_part_year(moment date) RETURNS integer LANGUAGE sql IMMUTABLE STRICT
    RETURN extract(year FROM moment)::integer;

CREATE OR REPLACE FUNCTION redshift.date_cmp(a date, b date) RETURNS integer LANGUAGE sql IMMUTABLE STRICT
    RETURN (a > b)::integer - (a < b)::integer;
CREATE OR REPLACE FUNCTION redshift.timestamp_cmp(a timestamp, b timestamp) RETURNS integer LANGUAGE sql IMMUTABLE STRICT
    RETURN (a > b)::integer - (a < b)::integer;
CREATE OR REPLACE FUNCTION redshift.date_cmp_timestamp(a date, b timestamp) RETURNS integer LANGUAGE sql IMMUTABLE STRICT
    RETURN redshift.timestamp_cmp(a::timestamp, b);
CREATE OR REPLACE FUNCTION redshift.timestamp_cmp_date(a timestamp, b date) RETURNS integer LANGUAGE sql IMMUTABLE STRICT
    RETURN redshift.timestamp_cmp(a, b::timestamp);
CREATE OR REPLACE FUNCTION redshift.interval_cmp(a interval, b interval) RETURNS integer LANGUAGE sql IMMUTABLE STRICT
    RETURN (a > b)::integer - (a < b)::integer;

CREATE OR REPLACE FUNCTION redshift.date_trunc(part text, moment timestamp) RETURNS timestamp LANGUAGE sql IMMUTABLE STRICT
    RETURN pg_catalog.date_trunc(part, moment);
CREATE OR REPLACE FUNCTION redshift.date_trunc(part text, moment timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE STRICT
    RETURN pg_catalog.date_trunc(part, moment, 'UTC');
CREATE OR REPLACE FUNCTION redshift.date_trunc(part text, moment date) RETURNS timestamp LANGUAGE sql IMMUTABLE STRICT
    RETURN pg_catalog.date_trunc(part, moment::timestamp);

CREATE OR REPLACE FUNCTION redshift.last_day(moment timestamp) RETURNS date LANGUAGE sql IMMUTABLE STRICT
    RETURN (date_trunc('month', moment) + interval '1 month - 1 day')::date;
-- The last day of a month remains the last day of its month.
CREATE OR REPLACE FUNCTION redshift.add_months(moment timestamp, months integer) RETURNS timestamp
    LANGUAGE sql IMMUTABLE STRICT
    RETURN CASE WHEN moment::date = redshift.last_day(moment)
        THEN redshift.last_day(date_trunc('month', moment) + months * interval '1 month') + moment::time
        ELSE moment + months * interval '1 month' END;
-- A part of a month is counted in days of a month of 31:
-- https://docs.aws.amazon.com/redshift/latest/dg/r_MONTHS_BETWEEN_function.html
CREATE OR REPLACE FUNCTION redshift.months_between(later timestamp, earlier timestamp) RETURNS double precision
    LANGUAGE sql IMMUTABLE STRICT
    RETURN redshift.date_diff('month', earlier, later) + CASE
        WHEN extract(day FROM later) = extract(day FROM earlier)
            OR (later::date = redshift.last_day(later) AND earlier::date = redshift.last_day(earlier)) THEN 0
        ELSE (extract(day FROM later) - extract(day FROM earlier)
            + extract(epoch FROM later::time - earlier::time) / 86400) / 31 END;
CREATE OR REPLACE FUNCTION redshift.next_day(moment date, weekday text) RETURNS date LANGUAGE plpgsql IMMUTABLE STRICT
AS $$
DECLARE
    wanted integer := array_position(ARRAY['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'],
        lower(weekday));
BEGIN
    IF wanted IS NULL THEN
        RAISE EXCEPTION 'NEXT_DAY needs the whole English name of a day here, not "%"', weekday;
    END IF;
    RETURN moment + 1 + (wanted - 1 - extract(dow FROM moment + 1)::integer + 7) % 7;
END $$;
CREATE OR REPLACE FUNCTION redshift.convert_timezone(source text, target text, moment timestamp) RETURNS timestamp
    LANGUAGE sql STABLE STRICT
    RETURN moment AT TIME ZONE source AT TIME ZONE target;
CREATE OR REPLACE FUNCTION redshift.convert_timezone(target text, moment timestamp) RETURNS timestamp
    LANGUAGE sql STABLE STRICT
    RETURN moment AT TIME ZONE 'UTC' AT TIME ZONE target;
-- Without the last argument "true", an impossible day or hour rolls over:
-- https://docs.aws.amazon.com/redshift/latest/dg/r_TO_DATE_function.html
CREATE OR REPLACE FUNCTION redshift.rolled_over(value text, format text) RETURNS timestamp LANGUAGE plpgsql IMMUTABLE STRICT
AS $$
DECLARE
    moment timestamp := '0001-01-01';
    place integer := 1;
    token text;
    amount integer;
BEGIN
    FOR token IN SELECT match[1] FROM regexp_matches(upper(format), 'YYYY|MM|DD|HH24|MI|SS|.', 'g') AS match LOOP
        IF length(token) = 1 AND token !~ '[A-Z]' THEN
            place := place + 1;
            CONTINUE;
        END IF;
        amount := substr(value, place, CASE token WHEN 'YYYY' THEN 4 ELSE 2 END);
        moment := moment + CASE token WHEN 'YYYY' THEN make_interval(years => amount - 1)
            WHEN 'MM' THEN make_interval(months => amount - 1) WHEN 'DD' THEN make_interval(days => amount - 1)
            WHEN 'HH24' THEN make_interval(hours => amount) WHEN 'MI' THEN make_interval(mins => amount)
            WHEN 'SS' THEN make_interval(secs => amount) END;
        place := place + CASE token WHEN 'YYYY' THEN 4 ELSE 2 END;
    END LOOP;
    IF moment IS NULL THEN
        RAISE EXCEPTION 'a value out of range is not supported by the local Redshift with the format "%"', format;
    END IF;
    RETURN moment;
END $$;
CREATE OR REPLACE FUNCTION redshift.to_date(value text, format text, is_strict boolean DEFAULT false) RETURNS date
    LANGUAGE plpgsql STABLE STRICT
AS $$
BEGIN
    RETURN pg_catalog.to_date(value, format);
EXCEPTION WHEN datetime_field_overflow THEN
    IF is_strict THEN
        RAISE;
    END IF;
    RETURN redshift.rolled_over(value, format)::date;
END $$;
CREATE OR REPLACE FUNCTION redshift.to_timestamp(value text, format text, is_strict boolean DEFAULT false) RETURNS timestamptz
    LANGUAGE plpgsql STABLE STRICT
AS $$
BEGIN
    RETURN pg_catalog.to_timestamp(value, format);
EXCEPTION WHEN datetime_field_overflow THEN
    IF is_strict THEN
        RAISE;
    END IF;
    RETURN redshift.rolled_over(value, format) AT TIME ZONE 'UTC';
END $$;

CREATE OR REPLACE FUNCTION redshift.trunc(moment timestamp) RETURNS date LANGUAGE sql IMMUTABLE STRICT RETURN moment::date;
CREATE OR REPLACE FUNCTION redshift.trunc(number numeric) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT
    RETURN pg_catalog.trunc(number);
CREATE OR REPLACE FUNCTION redshift.trunc(number numeric, digits integer) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT
    RETURN pg_catalog.trunc(number, digits);
CREATE OR REPLACE FUNCTION redshift.trunc(number double precision) RETURNS double precision LANGUAGE sql IMMUTABLE STRICT
    RETURN pg_catalog.trunc(number);
CREATE OR REPLACE FUNCTION redshift.round(number double precision, digits integer) RETURNS double precision
    LANGUAGE sql IMMUTABLE STRICT
    RETURN pg_catalog.round(number::numeric, digits)::double precision;

-- Text. A cast to VARCHAR or CHAR. Redshift has none from BOOLEAN.
CREATE OR REPLACE FUNCTION redshift.as_text(anyelement) RETURNS text LANGUAGE sql STABLE AS 'SELECT $1::text';
CREATE OR REPLACE FUNCTION redshift.as_text(value text) RETURNS text LANGUAGE sql IMMUTABLE RETURN value;
CREATE OR REPLACE FUNCTION redshift.as_text(value boolean) RETURNS text LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION 'cannot cast type boolean to character varying';
END $$;

-- CAST(… AS VARCHAR(n)) truncates to n bytes, but never inside a character.
CREATE OR REPLACE FUNCTION redshift.first_bytes(value text, bytes integer) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT
AS $$
DECLARE
    kept text := left(value, bytes);
BEGIN
    WHILE octet_length(kept) > bytes LOOP
        kept := left(kept, -greatest(1, (octet_length(kept) - bytes) / 4));
    END LOOP;
    RETURN kept;
END $$;

CREATE OR REPLACE FUNCTION redshift.strtol(digits text, base integer) RETURNS bigint LANGUAGE plpgsql IMMUTABLE STRICT
AS $$
DECLARE
    body text := lower(btrim(digits));
    negative boolean := false;
    value numeric := 0;
    position integer;
    digit integer;
BEGIN
    IF base < 2 OR base > 36 THEN
        RAISE EXCEPTION 'The base of STRTOL must be between 2 and 36';
    END IF;
    IF body LIKE '-%' OR body LIKE '+%' THEN
        negative := left(body, 1) = '-';
        body := substr(body, 2);
    END IF;
    IF base = 16 AND body LIKE '0x%' THEN
        body := substr(body, 3);
    END IF;
    IF digits = '' THEN
        RETURN 0;
    END IF;
    IF body = '' THEN
        RAISE EXCEPTION 'The input % is not valid to be converted to base %', quote_literal(digits), base;
    END IF;
    FOR position IN 1 .. length(body) LOOP
        digit := strpos('0123456789abcdefghijklmnopqrstuvwxyz', substr(body, position, 1)) - 1;
        IF digit < 0 OR digit >= base THEN
            RAISE EXCEPTION 'The input % is not valid to be converted to base %', quote_literal(digits), base;
        END IF;
        value := pg_catalog.numeric_mul(value, base) + digit;
    END LOOP;
    value := CASE WHEN negative THEN -value ELSE value END;
    IF value NOT BETWEEN -9223372036854775808 AND 9223372036854775807 THEN
        RAISE EXCEPTION 'The input % is out of range of BIGINT', quote_literal(digits);
    END IF;
    RETURN value::bigint;
END $$;

CREATE OR REPLACE FUNCTION redshift.sha2(value text, bits integer) RETURNS text LANGUAGE sql IMMUTABLE STRICT
    RETURN encode(CASE bits WHEN 224 THEN sha224(convert_to(value, 'UTF8')) WHEN 256 THEN sha256(convert_to(value, 'UTF8'))
        WHEN 384 THEN sha384(convert_to(value, 'UTF8')) WHEN 512 THEN sha512(convert_to(value, 'UTF8')) ELSE '' END, 'hex');
CREATE OR REPLACE FUNCTION redshift.crc32(value text) RETURNS text LANGUAGE sql IMMUTABLE STRICT
    RETURN lpad(to_hex(crc32c(convert_to(value, 'UTF8'))), 8, '0');
CREATE OR REPLACE FUNCTION redshift.octetindex(part text, value text) RETURNS integer LANGUAGE sql IMMUTABLE STRICT
    RETURN CASE WHEN strpos(value, part) = 0 THEN 0 ELSE octet_length(left(value, strpos(value, part) - 1)) + 1 END;
CREATE OR REPLACE FUNCTION redshift.bpcharcmp(a text, b text) RETURNS integer LANGUAGE sql IMMUTABLE STRICT
    RETURN (rtrim(a) COLLATE "C" > rtrim(b) COLLATE "C")::integer - (rtrim(a) COLLATE "C" < rtrim(b) COLLATE "C")::integer;
CREATE OR REPLACE FUNCTION redshift.is_valid_json(value text) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT
    RETURN value IS JSON OBJECT;
CREATE OR REPLACE FUNCTION redshift.json_extract_path_text(value text, VARIADIC path text[]) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT
    RETURN coalesce(pg_catalog.json_extract_path_text(value::json, VARIADIC path), '');
CREATE OR REPLACE FUNCTION redshift.is_valid_json_array(value text) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT
    RETURN value IS JSON ARRAY;
CREATE OR REPLACE FUNCTION redshift.json_array_length(value text) RETURNS integer LANGUAGE sql IMMUTABLE STRICT
    RETURN pg_catalog.json_array_length(value::json);
CREATE OR REPLACE FUNCTION redshift.json_extract_array_element_text(value text, place integer) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT
    RETURN CASE WHEN place BETWEEN 0 AND pg_catalog.json_array_length(value::json) - 1 THEN value::json ->> place ELSE '' END;
-- The optional last argument null_if_invalid.
CREATE OR REPLACE FUNCTION redshift.valid_json(value text) RETURNS text LANGUAGE sql IMMUTABLE STRICT
    RETURN CASE WHEN value IS JSON THEN value END;

-- AVG of integers is an integer. AVG of decimals keeps their scale.
CREATE OR REPLACE FUNCTION redshift.add_to_average(state numeric[], value numeric) RETURNS numeric[] LANGUAGE sql IMMUTABLE
    RETURN CASE WHEN value IS NULL THEN state
        ELSE ARRAY[state[1] + value, state[2] + 1, greatest(state[3], scale(value)::numeric)] END;
CREATE OR REPLACE FUNCTION redshift.decimal_average(state numeric[]) RETURNS numeric LANGUAGE sql IMMUTABLE
    RETURN CASE WHEN state[2] > 0 THEN pg_catalog.trunc(state[1] / state[2], state[3]::integer) END;
CREATE OR REPLACE FUNCTION redshift.add_whole_to_average(state numeric[], value bigint) RETURNS numeric[] LANGUAGE sql IMMUTABLE
    RETURN redshift.add_to_average(state, value::numeric);
CREATE OR REPLACE FUNCTION redshift.whole_average(state numeric[]) RETURNS bigint LANGUAGE sql IMMUTABLE
    RETURN redshift.decimal_average(state)::bigint;
CREATE OR REPLACE AGGREGATE redshift.avg(bigint) (
    sfunc = redshift.add_whole_to_average, stype = numeric[], initcond = '{0,0,0}', finalfunc = redshift.whole_average);
CREATE OR REPLACE AGGREGATE redshift.avg(numeric) (
    sfunc = redshift.add_to_average, stype = numeric[], initcond = '{0,0,0}', finalfunc = redshift.decimal_average);
CREATE OR REPLACE AGGREGATE redshift.avg(double precision) (
    sfunc = pg_catalog.float8_accum, stype = double precision[], initcond = '{0,0,0}', finalfunc = pg_catalog.float8_avg);

-- Types. VARCHAR(n) and CHAR(n) count bytes. There is one domain per length, so that LIKE and CREATE TABLE AS copy the rule.
-- Comparisons ignore the trailing blanks of a VARCHAR in Redshift but not in PostgreSQL, so such values are refused:
-- https://docs.aws.amazon.com/redshift/latest/dg/r_Character_types.html#r_Character_types-significance-of-trailing-blanks
CREATE OR REPLACE FUNCTION redshift.ensure_text_type(kind text, bytes integer) RETURNS void LANGUAGE plpgsql
AS $$
BEGIN
    IF to_regtype(format('redshift.%s_%s', kind, bytes)) IS NULL THEN
        EXECUTE format('CREATE DOMAIN redshift.%1$s_%2$s AS %1$s(%2$s) CHECK (octet_length(value) <= %2$s)', kind, bytes)
            || CASE kind WHEN 'varchar' THEN ' CONSTRAINT no_trailing_blank CHECK (right(value, 1) <> '' '')' ELSE '' END;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL; -- another statement has created it since
END $$;

-- Records of earlier statements: loads, and the writers of each table (see execution.py).
CREATE TABLE IF NOT EXISTS redshift_records.load_history (
    user_id integer NOT NULL, query_id bigint NOT NULL, transaction_id bigint, session_id integer, database_name text NOT NULL,
    table_name text NOT NULL, start_time timestamp NOT NULL, end_time timestamp NOT NULL, duration bigint NOT NULL,
    status text NOT NULL, file_format text NOT NULL, loaded_rows bigint NOT NULL, loaded_bytes bigint NOT NULL,
    source_file_count integer NOT NULL, source_file_bytes bigint NOT NULL, file_count_scanned integer NOT NULL,
    error_count bigint NOT NULL, copy_job_id bigint, data_source text NOT NULL, error_message text);
CREATE TABLE IF NOT EXISTS redshift_records.load_error_detail (
    user_id integer NOT NULL, query_id bigint NOT NULL, transaction_id bigint, session_id integer, database_name text NOT NULL,
    start_time timestamp NOT NULL, table_id integer, file_name text NOT NULL, line_number bigint, column_name text,
    column_type text, column_length text, "position" integer, error_code integer NOT NULL, error_message text NOT NULL);
CREATE TABLE IF NOT EXISTS redshift_records.table_writes (table_id oid NOT NULL, writer xid8 NOT NULL);
CREATE INDEX IF NOT EXISTS table_writes_by_table ON redshift_records.table_writes (table_id);

-- OFFSET makes a view read-only.
CREATE OR REPLACE VIEW redshift.sys_load_history AS SELECT * FROM redshift_records.load_history OFFSET 0;
CREATE OR REPLACE VIEW redshift.sys_load_error_detail AS SELECT * FROM redshift_records.load_error_detail OFFSET 0;
CREATE OR REPLACE FUNCTION redshift.pg_last_copy_count() RETURNS bigint LANGUAGE sql STABLE
    RETURN coalesce(nullif(current_setting('redshift.last_copy_count', true), '')::bigint, 0);
CREATE OR REPLACE FUNCTION redshift.pg_last_copy_id() RETURNS bigint LANGUAGE sql STABLE
    RETURN coalesce(nullif(current_setting('redshift.last_copy_id', true), '')::bigint, -1);
CREATE OR REPLACE FUNCTION redshift.pg_last_query_id() RETURNS bigint LANGUAGE sql STABLE
    RETURN coalesce(nullif(current_setting('redshift.last_query_id', true), '')::bigint, -1);

-- The catalog as Redshift shows it.
CREATE OR REPLACE VIEW redshift.svv_columns AS
    SELECT c.table_catalog::text, c.table_schema::text, c.table_name::text, c.column_name::text, c.ordinal_position::integer,
        c.column_default::text, c.is_nullable::text, c.data_type::text, c.character_maximum_length::integer,
        c.numeric_precision::integer, c.numeric_precision_radix::integer, c.numeric_scale::integer,
        c.datetime_precision::integer,
        col_description(t.oid, c.ordinal_position::integer) AS remarks
    FROM information_schema.columns c
    JOIN pg_namespace n ON n.nspname = c.table_schema
    JOIN pg_class t ON t.relnamespace = n.oid AND t.relname = c.table_name
    WHERE c.table_schema NOT IN ('pg_catalog', 'information_schema', 'redshift', 'redshift_records', 'pg_toast');
CREATE OR REPLACE VIEW redshift.svv_tables AS
    SELECT current_database()::text AS table_catalog, n.nspname::text AS table_schema, c.relname::text AS table_name,
        CASE WHEN c.relkind IN ('v', 'm') THEN 'VIEW' WHEN c.relpersistence = 't' THEN 'LOCAL TEMPORARY'
            ELSE 'BASE TABLE' END AS table_type,
        obj_description(c.oid, 'pg_class') AS remarks
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'v', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'redshift', 'redshift_records', 'pg_toast');
CREATE OR REPLACE VIEW redshift.svv_mv_info AS
    SELECT current_database()::text AS database_name, n.nspname::text AS schema_name, c.relname::text AS name
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'm';
-- https://docs.aws.amazon.com/redshift/latest/dg/r_SVV_ROLES.html. Users can log in, roles cannot.
CREATE OR REPLACE VIEW redshift.svv_roles AS
    SELECT r.oid::integer AS role_id, r.rolname::text AS role_name, session_user::text AS role_owner, NULL::text AS external_id
    FROM pg_roles r WHERE NOT r.rolcanlogin AND r.rolname NOT LIKE 'pg\_%' OFFSET 0;

-- Written in a statement's transaction. After a kill, it shows whether the transaction was committed.
CREATE TABLE IF NOT EXISTS redshift_records.committed_statements (
    statement_id text PRIMARY KEY, committed_at timestamptz NOT NULL DEFAULT clock_timestamp());
