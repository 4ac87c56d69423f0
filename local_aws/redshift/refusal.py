"""The error for statements that the local Redshift does not run."""


class SqlNotSupported(Exception):  # noqa: N818 - it describes the statement
    """The statement is not supported by Redshift, or not by the local Redshift. The message contains the reason."""
