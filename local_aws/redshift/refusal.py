"""The error of a statement that the local Redshift does not run."""


class SqlNotSupported(Exception):  # noqa: N818 - it names what the statement is
    """Neither Redshift nor this Redshift runs the statement, or not as Redshift would; the message says which."""
