-- Creates a role unless it exists. Roles belong to the whole namespace, so a role outlives a database and a schema that
-- are created again. CREATE ROLE has no IF NOT EXISTS:
-- https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_ROLE.html
CREATE OR REPLACE PROCEDURE crypto.ensure_role (
    wanted IN VARCHAR(128)
)
AS $$
DECLARE
    roles BIGINT;
BEGIN
    SELECT COUNT(*) INTO roles FROM svv_roles WHERE role_name = wanted;
    IF roles = 0 THEN
        EXECUTE 'CREATE ROLE ' || quote_ident(wanted);
    END IF;
END;
$$ LANGUAGE plpgsql
