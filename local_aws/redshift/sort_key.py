"""Sort keys. Behind a table with a sort key, a BRIN index acts as Redshift's zone maps (``constructs.sql``).

Imitated: a scan with bounds on a column of the sort key reads only the pages whose minimum and maximum overlap with the
bounds; a scan without such bounds reads the whole table; CREATE TABLE … AS and VACUUM sort the rows; LIKE copies the
key; ALTER SORTKEY changes it, and leaves the rows where they are. Not imitated: INTERLEAVED keys, SORTKEY AUTO,
distribution, compression, columnar storage, and the sorting of the rows of an INSERT or a COPY, which stay in the order
in which they arrive.
"""

from __future__ import annotations

from sqlglot import exp

from local_aws.redshift.dialect import PhysicalDesign
from local_aws.redshift.refusal import SqlNotSupported


def sort_key_of(create: exp.Expr) -> tuple[str, ...]:
    """Return the columns of the sort key in a CREATE TABLE, or nothing without a compound sort key."""
    columns: list[str] = []
    for design in create.find_all(PhysicalDesign):
        for column in design.args.get("sort_key") or []:
            definition = design.find_ancestor(exp.ColumnDef)
            if isinstance(column, exp.Identifier):
                columns.append(column.name.lower())
            elif definition is not None:  # the attribute of one column
                columns.append(definition.name.lower())
    return tuple(columns)


def sorted_by(query: exp.Query, columns: tuple[str, ...]) -> exp.Select:
    """Return a query whose rows have the order of a sort key."""
    source = exp.Subquery(this=query, alias=exp.TableAlias(this=exp.to_identifier("unsorted")))
    return exp.select("*").from_(source).order_by(*(exp.column(column) for column in columns))


def new_sort_key(alter: exp.Alter) -> tuple[str, ...]:
    """Return the columns of an ALTER TABLE … ALTER SORTKEY, or nothing for other forms of ALTER TABLE.

    AWS lists the forms that cannot run inside a transaction, and this one is not among them:
    https://docs.aws.amazon.com/redshift/latest/dg/r_ALTER_TABLE.html

    Raises:
        SqlNotSupported: It has no list of columns.
    """
    change = next((action for action in alter.args["actions"] if isinstance(action, exp.AlterSortKey)), None)
    if change is None:
        return ()
    if len(alter.args["actions"]) > 1 or not all(isinstance(column, exp.Identifier) for column in change.expressions):
        raise SqlNotSupported("this form of ALTER TABLE is not supported by the local Redshift")
    if not change.expressions:
        raise SqlNotSupported("ALTER SORTKEY AUTO and NONE are not supported by the local Redshift: name columns")
    return tuple(column.name.lower() for column in change.expressions)
