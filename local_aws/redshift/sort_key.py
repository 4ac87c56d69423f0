"""Sort keys. Behind a table with a sort key, a BRIN index acts as Redshift's zone maps (``constructs.sql``).

Imitated: a scan with bounds on a column of the sort key reads only the pages whose minimum and maximum overlap with the
bounds; a scan without such bounds reads the whole table; CREATE TABLE … AS and VACUUM sort the rows; LIKE copies the
key. Not imitated: INTERLEAVED keys, SORTKEY AUTO, distribution, compression, columnar storage, and the sorting of the
rows of an INSERT or a COPY, which stay in the order in which they arrive.
"""

from __future__ import annotations

from sqlglot import exp

from local_aws.redshift.dialect import PhysicalDesign


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
