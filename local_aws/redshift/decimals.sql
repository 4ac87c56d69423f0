-- DECIMALs as Redshift has them. Warehouse.ensure_database runs this file after compat.sql, so each statement must be repeatable.

-- rewriting.py replaces products and quotients of DECIMALs. The operators are reached only where it does not know the types,
-- such as in a procedure's body, and PostgreSQL's scale would differ from Redshift's there.
CREATE OR REPLACE FUNCTION redshift.refuse_untyped(a numeric, b numeric) RETURNS numeric LANGUAGE plpgsql IMMUTABLE STRICT
AS $$
DECLARE
    stack text;
BEGIN
    GET DIAGNOSTICS stack = PG_CONTEXT;
    IF stack LIKE '%PL/pgSQL function%PL/pgSQL function%' THEN
        RAISE EXCEPTION 'a product or quotient of DECIMALs in a procedure is not supported by the local Redshift: calculate it in a statement outside';
    END IF;
    RAISE EXCEPTION 'a product or quotient of DECIMALs of unknown precision and scale is not supported by the local Redshift: cast both operands';
END $$;

-- Up to 19 digits are stored as a signed 64-bit integer: https://docs.aws.amazon.com/redshift/latest/dg/r_Numeric_types201.html
DO $$
BEGIN
    IF to_regoperator('redshift.*(numeric, numeric)') IS NULL THEN
        CREATE OPERATOR redshift.* (LEFTARG = numeric, RIGHTARG = numeric, FUNCTION = redshift.refuse_untyped);
        CREATE OPERATOR redshift./ (LEFTARG = numeric, RIGHTARG = numeric, FUNCTION = redshift.refuse_untyped);
    END IF;
    FOR digits IN 0 .. 19 LOOP
        IF to_regtype(format('redshift.decimal_19_%s', digits)) IS NULL THEN
            EXECUTE format('CREATE DOMAIN redshift.decimal_19_%1$s AS numeric(19, %1$s)
                CHECK (value BETWEEN -9223372036854775807e-%1$s AND 9223372036854775807e-%1$s)', digits);
        END IF;
    END LOOP;
END $$;
