"""The error of a statement that the local Redshift does not run."""


class SqlNotSupported(Exception):
    """The statement is none that Redshift runs, or none that this Redshift can run as Redshift would; the message says which."""
